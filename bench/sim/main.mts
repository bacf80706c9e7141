// The story of one process: each limiter goes through all phases in turn. `node --import tsx bench/sim/main.mts` prints
// the tables, judges the adaptive limits and draws docs/internals/overload/*.svg. With another SEED it draws nothing.
import { mkdirSync, writeFileSync } from 'node:fs';
import { chart } from './charts.js';
import { CONTENDERS, IMPOSTORS } from './contenders.js';
import { faults } from './criteria.js';
import { ORACLE, PHASES } from './phases.js';
import { simulate } from './simulate.js';
import type { PhaseResult } from './simulate.js';
import { favours, goodput, rejections, table } from './table.js';

// A stack for each rejection would take most of the time.
Error.stackTraceLimit = 0;

const DEFAULT_SEED = 1;
const SEED = Number(process.env['SEED'] ?? DEFAULT_SEED);
const DRAWN = ['none', 'fixed, endless fifo', 'fixed, expected wait', 'adaptive-lifo', 'vegas', 'gradient'];
const JUDGED = ['aimd', 'vegas', 'gradient', ...Object.keys(IMPOSTORS)];

const all: Record<string, readonly PhaseResult[]> = {};
for (const [name, make] of Object.entries({ ...CONTENDERS, ...IMPOSTORS })) {
  process.stderr.write(`${name} ...\n`);
  all[name] = await simulate(make, PHASES, SEED);
}

console.log(`Seed ${SEED}; the oracle's limit is ${ORACLE}.`);
console.log(`\nGoodput as a share of the capacity, and p99 of the served:\n\n${table(all, goodput)}`);
console.log(`\nRejected, and the limit at the end:\n\n${table(all, rejections)}`);
console.log(
  `\nServed in time of high priority, and of clients that send few requests:\n\n${table(all, favours)}\n`,
);
for (const name of JUDGED) {
  console.log(`- ${name}: ${faults(all[name] ?? []).join('; ') || 'no fault'}`);
}

// The pictures in the documents are those of one seed.
if (SEED === DEFAULT_SEED) {
  const folder = new URL('../../docs/internals/overload/', import.meta.url);
  mkdirSync(folder, { recursive: true });
  const drawn = Object.fromEntries(DRAWN.map((name) => [name, all[name] ?? []]));
  for (const [index, { name }] of PHASES.entries()) {
    writeFileSync(new URL(`${name.replaceAll(' ', '-')}.svg`, folder), chart(index, drawn));
  }
}
