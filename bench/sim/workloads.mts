// Compares the adaptive limits with the best fixed limit and with those of other libraries, workload by workload:
// `node --import tsx bench/sim/workloads.mts`. SEEDS=7,8 takes other seeds; ONLY=10x takes the workloads so named.
import { CONTENDERS, fixed, REFERENCES } from './contenders.js';
import { markdown } from './table.js';
import { bestFixed, run, WORKLOADS } from './workloads.js';

// A stack for each rejection would take most of the time.
Error.stackTraceLimit = 0;

const SEEDS = (process.env['SEEDS'] ?? '201,202,203').split(',').map(Number);
const ONLY = process.env['ONLY'] ?? '';
const NAMES = ['lifo', 'adaptive-lifo', 'aimd', 'vegas', 'gradient'];
const contenders = {
  'fixed 25': fixed(25),
  ...Object.fromEntries(Object.entries(CONTENDERS).filter(([name]) => NAMES.includes(name))),
  ...REFERENCES,
};

/** Goodput as a share of that of the best fixed limit, and the share of rejected clients. */
interface Figures {
  readonly share: number;
  readonly rejected: number;
}

const rows: string[][] = [];
for (const workload of WORKLOADS.filter(({ name }) => name.includes(ONLY))) {
  const figures: Record<string, Figures[]> = {};
  const bests: number[] = [];
  for (const seed of SEEDS) {
    process.stderr.write(`${workload.name}, seed ${seed} ...\n`);
    const best = await bestFixed(workload, seed);
    bests.push(best.permits);
    for (const [name, make] of Object.entries(contenders)) {
      const { offered, good, rejected } = await run(workload, make, seed);
      (figures[name] ??= []).push({ share: good / best.good, rejected: rejected / offered });
    }
  }
  const cells = Object.values(figures).map((each) => textOf(each, workload.isServable));
  rows.push([workload.name, bests.join(', '), ...cells]);
}
console.log(`Seeds ${SEEDS.join(', ')}: median (worst); the most rejections where all could be served\n`);
console.log(markdown(['workload', 'best fixed limit', ...Object.keys(contenders)], rows));

function textOf(each: readonly Figures[], isServable: boolean): string {
  const shares = each.map(({ share }) => share).sort((a, b) => a - b);
  const text = `${(shares[shares.length >> 1] ?? NaN).toFixed(3)} (${(shares[0] ?? NaN).toFixed(3)})`;
  if (!isServable) return text;
  return `${text}, ${(100 * Math.max(...each.map(({ rejected }) => rejected))).toFixed(1)} % rejected`;
}
