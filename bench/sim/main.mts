// The simulation: `npm run bench sim` prints its tables, judges the adaptive limiters, and draws docs/internals/overload/*.svg.
// Another seed (`SEED=2 npm run bench sim`) draws nothing.
import { mkdirSync, writeFileSync } from 'node:fs';
import { chart } from './charts.js';
import { CONTENDERS, IMPOSTORS } from './contenders.js';
import { faults } from './criteria.js';
import { ORACLE, PHASES } from './phases.js';
import { simulate } from './simulate.js';
import type { PhaseResult } from './simulate.js';
import { favours, goodput, refusals, table } from './table.js';

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
console.log(`\nGoodput, of what can be served, and p99 of those served in time:\n\n${table(all, goodput)}`);
console.log(`\nRefused, and the limit at the end:\n\n${table(all, refusals)}`);
console.log(`\nServed in time of high priority, and of users who send little:\n\n${table(all, favours)}\n`);
for (const name of JUDGED) {
  console.log(`- ${name}: ${faults(all[name] ?? []).join('; ') || 'no fault'}`);
}

// The pictures in docs are those of one seed.
if (SEED === DEFAULT_SEED) {
  const folder = new URL('../../docs/internals/overload/', import.meta.url);
  mkdirSync(folder, { recursive: true });
  const drawn = Object.fromEntries(DRAWN.map((name) => [name, all[name] ?? []]));
  for (const [index, { name }] of PHASES.entries()) {
    writeFileSync(new URL(`${name.replaceAll(' ', '-')}.svg`, folder), chart(index, drawn));
  }
}
