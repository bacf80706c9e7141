// What loading the package costs a process: a fresh one that requires it, less one that requires nothing; and what a
// bundler would send of the main entry, minified and packed, without its dependency.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { interleave, isMet, measured, report } from './harness.mjs';

const ROUNDS = 21;
const GOALS = { 'express-semaphore': '<= 15' };
const ENTRIES = ['', '/redis', '/dashboard', '/prometheus', '/opentelemetry'].map(
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
  'ms',
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
  entryPoints: [fileURLToPath(import.meta.resolve('express-semaphore'))],
  bundle: true,
  minify: true,
  platform: 'node',
  format: 'esm',
  external: ['ipaddr.js'],
  write: false,
});
const [{ contents }] = outputFiles;
const packed = gzipSync(contents, { level: 9 }).length / 1_000;
const target = '<= 8';
report('Size: the main entry, without its dependency', 'kB', [
  { subject: 'minified', figure: contents.length / 1_000 },
  { subject: 'minified and packed', figure: packed, target, met: isMet(packed, target) },
]);

function msOfProcess(entries) {
  const code = entries.map((entry) => `require(${JSON.stringify(entry)})`).join(';');
  const start = performance.now();
  const { status } = spawnSync(process.execPath, ['--eval', code], { cwd: root, stdio: 'inherit' });
  if (status !== 0) throw new Error(`${code} failed`);
  return performance.now() - start;
}
