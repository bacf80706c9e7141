// Cost of loading the package: processor time of a process that requires it, less that of one that requires nothing.
// Then the size of the main entry in a minified bundle, without its dependency.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { interleave, isMet, measured, report } from './harness.mjs';

const ROUNDS = 21;
const GOALS = { 'express-semaphore': '<= 15' };
const ENTRIES = ['', '/adaptive', '/redis', '/dashboard', '/prometheus', '/opentelemetry'].map(
  (entry) => `express-semaphore${entry}`,
);

const root = fileURLToPath(new URL('..', import.meta.url));
const samples = await interleave(
  Object.fromEntries(
    [['nothing', []], ...ENTRIES.map((entry) => [entry, [entry]])].map(([subject, entries]) => [
      subject,
      () => msOfProcess(entries),
    ]),
  ),
  ROUNDS,
);

report(
  'Loading: a process that requires an entry, less one that requires nothing',
  'ms of processor time',
  ENTRIES.map((entry) => {
    const row = measured(
      entry,
      samples[entry].map((ms, round) => ms - samples.nothing[round]),
    );
    const target = GOALS[entry];
    return target === undefined ? row : { ...row, target, met: isMet(row.figure, target) };
  }),
);

const { outputFiles } = await build({
  stdin: { contents: "export * from 'express-semaphore'", resolveDir: root },
  bundle: true,
  minify: true,
  platform: 'node',
  format: 'esm',
  external: ['ipaddr.js'],
  write: false,
});
const [{ contents }] = outputFiles;
const packed = gzipSync(contents, { level: 9 }).length / 1_000;
const target = '<= 16';
report('Size: the main entry, without its dependency', 'kB', [
  { subject: 'minified', figure: contents.length / 1_000 },
  { subject: 'minified and packed', figure: packed, target, met: isMet(packed, target) },
]);

/** Measures processor time, because other processes of the machine do not add to it. */
function msOfProcess(entries) {
  const code = [
    ...entries.map((entry) => `require(${JSON.stringify(entry)})`),
    'const { user, system } = process.cpuUsage()',
    'console.log(user + system)',
  ];
  const { status, stdout } = spawnSync(process.execPath, ['--eval', code.join(';')], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${entries} cannot be loaded`);
  return Number(stdout) / 1_000;
}
