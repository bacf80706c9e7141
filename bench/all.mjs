// Benchmarks in sequence, each in a process of its own: what one has compiled or allocated cannot touch the next.
// `--page` runs those, too, that take long or need a Redis, and writes docs/internals/benchmarks.md from what they tell.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { smoke } from './harness.mjs';
import { machine, makePage } from './page.mjs';

const isPage = process.argv.includes('--page');
const names = ['uncontended', 'contended', 'cancel', 'diagnostics', 'express', 'load'];
if (isPage) names.push('redis', 'overload');

console.log(machine());
const tables = [];
for (const name of names) {
  const file = fileURLToPath(new URL(`${name}.mjs`, import.meta.url));
  const benchmark = fork(file, process.argv.slice(2));
  benchmark.on('message', (table) => tables.push({ ...table, file: `bench/${name}.mjs` }));
  const [status] = await once(benchmark, 'close');
  if (status !== 0) process.exitCode = 1;
}
if (isPage && process.exitCode === undefined) await write(await makePage(tables));

async function write(files) {
  if (smoke) return;
  const docs = new URL('../docs/internals/', import.meta.url);
  await mkdir(new URL('benchmarks/', docs), { recursive: true });
  for (const [path, text] of Object.entries(files)) await writeFile(new URL(path, docs), text);
}
