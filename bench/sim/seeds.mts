// The story with seeds on which nothing was tuned: `node --import tsx bench/sim/seeds.mts` prints the median and the worst
// figure of each phase. SEEDS=7,8 takes other seeds.
import { CONTENDERS } from './contenders.js';
import { faults, isServable } from './criteria.js';
import { CAPACITY, PHASES } from './phases.js';
import type { Phase } from './phases.js';
import { simulate } from './simulate.js';
import type { PhaseResult } from './simulate.js';
import { markdown } from './table.js';

// A stack for each rejection would take most of the time.
Error.stackTraceLimit = 0;

const SEEDS = (process.env['SEEDS'] ?? '101,102,103,104,105,106,107').split(',').map(Number);
const NAMES = ['aimd', 'vegas', 'gradient'];

/** The figure that judges a phase. */
interface Measure {
  readonly read: (result: PhaseResult) => number;
  readonly worst: (...figures: number[]) => number;
  readonly format: (figure: number) => string;
}

const NEEDLESS: Measure = {
  read: ({ total }) => total.rejected / total.offered,
  worst: Math.max,
  format: (share) => `${(100 * share).toFixed(2)} % rejected`,
};
const GOODPUT: Measure = {
  read: ({ phase, total }) => total.good / phase.seconds / CAPACITY,
  worst: Math.min,
  format: (share) => `${share.toFixed(3)} served`,
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

const judged = PHASES.filter(({ dependency }) => dependency.isFailing !== true);
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
  const { read, worst, format } = isServable(phase) ? NEEDLESS : GOODPUT;
  const results = (runs[name] ?? []).flatMap((run) => run.filter((result) => result.phase === phase));
  const figures = results.map(read).sort((a, b) => a - b);
  return `${format(figures[figures.length >> 1] ?? NaN)} (${format(worst(...figures))})`;
}
