// How much is chance: `npm run bench sim-seeds` simulates the adaptive limiters with seeds on which nothing was tuned, and
// prints the median and the worst of what they are judged by. `SEEDS=7,8 npm run bench sim-seeds` takes others.
import { CONTENDERS } from './contenders.js';
import { faults } from './criteria.js';
import { CAPACITY, PHASES } from './phases.js';
import type { Phase } from './phases.js';
import { simulate } from './simulate.js';
import type { PhaseResult } from './simulate.js';
import { markdown } from './table.js';

const SEEDS = (process.env['SEEDS'] ?? '101,102,103,104,105,106,107').split(',').map(Number);
const NAMES = ['vegas', 'gradient'];

/** What a phase is judged by: the part refused where all could be served, else the part of capacity served in time. */
interface Measure {
  readonly read: (result: PhaseResult) => number;
  readonly worst: (...figures: number[]) => number;
  readonly say: (figure: number) => string;
}

const NEEDLESS: Measure = {
  read: ({ total }) => total.refused / total.offered,
  worst: Math.max,
  say: (part) => `${(100 * part).toFixed(2)} % refused`,
};
const GOODPUT: Measure = {
  read: ({ phase, total }) => total.good / phase.seconds / CAPACITY,
  worst: Math.min,
  say: (part) => `${part.toFixed(3)} served`,
};

const runs: Record<string, (readonly PhaseResult[])[]> = {};
for (const name of NAMES) {
  const make = CONTENDERS[name];
  if (make === undefined) continue;
  const results: (readonly PhaseResult[])[] = [];
  for (const seed of SEEDS) {
    process.stderr.write(`${name}, seed ${seed} ...\n`);
    results.push(await simulate(make, PHASES, seed));
  }
  runs[name] = results;
}

const judged = PHASES.filter(({ dependency }) => dependency.isRefusing !== true);
console.log(`Seeds ${SEEDS.join(', ')}: median (worst)\n`);
console.log(
  markdown(
    ['', ...NAMES],
    judged.map((phase) => [phase.name, ...NAMES.map((name) => spread(name, phase))]),
  ),
);
for (const [name, results] of Object.entries(runs)) {
  for (const [index, result] of results.entries()) {
    for (const fault of faults(result)) console.log(`- ${name}, seed ${SEEDS[index] ?? ''}: ${fault}`);
  }
}

function spread(name: string, phase: Phase): string {
  const { read, worst, say } = isServable(phase) ? NEEDLESS : GOODPUT;
  const results = (runs[name] ?? []).flatMap((run) => run.filter((result) => result.phase === phase));
  const figures = results.map(read).sort((a, b) => a - b);
  return `${say(figures[figures.length >> 1] ?? NaN)} (${say(worst(...figures))})`;
}

function isServable({ load, slowdown = 1, dependency }: Phase): boolean {
  return load * slowdown <= 1 && dependency.places === undefined;
}
