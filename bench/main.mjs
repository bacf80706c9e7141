// Benchmarks, each in a process of its own, so that none sees what another has compiled or allocated.
//
//   npm run bench                     the quick ones
//   npm run bench express load        those that are named
//   npm run bench all                 the quick ones, redis and overload; writes docs/internals/benchmarks.md
//   npm run bench express -- --smoke  a short run that only shows that it works
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { exitWithUsage, isInstalled } from '../scripts/run.mjs';
import { smoke } from './harness.mjs';
import { machine, makePage } from './page.mjs';

const QUICK = ['uncontended', 'contended', 'cancel', 'diagnostics', 'express', 'load'];
const PAGE = [...QUICK, 'redis', 'overload'];
/** The simulations: they print tables of their own. */
const SIMULATIONS = {
  sim: 'sim/main.mts',
  'sim-seeds': 'sim/seeds.mts',
  'sim-workloads': 'sim/workloads.mts',
  'sim-deadline': 'sim/deadline.mts',
  'sim-redis': 'sim/redis.mts',
  'sim-fleet': 'sim/fleet.mts',
};

const args = process.argv.slice(2);
const options = args.filter((arg) => arg.startsWith('-'));
const wanted = args.filter((arg) => !arg.startsWith('-'));
const isPage = wanted.includes('all');
const names = isPage ? PAGE : wanted.length > 0 ? wanted : QUICK;

const known = [...PAGE, ...Object.keys(SIMULATIONS)];
const unknown = names.find((name) => !known.includes(name));
if (unknown !== undefined) exitWithUsage('bench', ['all', ...known], unknown);

if (names.some((name) => PAGE.includes(name))) console.log(machine());
const tables = [];
let isWhole = true;
for (const name of names) {
  if (name === 'redis' && !isInstalled('redis-server')) {
    isWhole = false;
    continue;
  }
  const file = SIMULATIONS[name] ?? `${name}.mjs`;
  const benchmark = fork(fileURLToPath(new URL(file, import.meta.url)), options, {
    execArgv: file.endsWith('.mts') ? ['--import', 'tsx'] : [],
  });
  benchmark.on('message', (table) => tables.push({ ...table, file: `bench/${file}` }));
  const [status] = await once(benchmark, 'close');
  if (status !== 0) process.exitCode = 1;
}
if (isPage && isWhole && process.exitCode === undefined) await write(await makePage(tables));

/** A smoke run makes the page and throws it away. */
async function write(files) {
  if (smoke) return;
  const docs = new URL('../docs/internals/', import.meta.url);
  await mkdir(new URL('benchmarks/', docs), { recursive: true });
  for (const [path, text] of Object.entries(files)) await writeFile(new URL(path, docs), text);
}
