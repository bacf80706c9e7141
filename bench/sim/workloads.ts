import { fixed } from './contenders.js';
import { slowBy, USUAL } from './phases.js';
import type { Phase } from './phases.js';
import type { Random } from './random.js';
import { DEPENDENCY_MS } from './service.js';
import { simulate } from './simulate.js';
import type { MakeLimiter, PhaseResult } from './simulate.js';

/** A load with one question. Each contender meets it with a fresh limiter. */
export interface Workload {
  readonly name: string;
  readonly phases: readonly Phase[];
  /** Names of the phases that count. */
  readonly judged: readonly string[];
  /** True when the process and its dependency could serve every request. */
  readonly isServable: boolean;
}

/** What became of the clients of the judged phases. */
export interface WorkloadResult {
  readonly offered: number;
  readonly good: number;
  readonly rejected: number;
  readonly permits: number | undefined;
}

/** Fixed limits among which the best is found for each workload and seed. */
export const FIXED_LIMITS = [
  300, 200, 150, 100, 73, 61, 51, 43, 36, 30, 25, 21, 18, 15, 12, 10, 8, 6, 5, 4, 3, 2, 1,
];

const WARM: Phase = { ...USUAL, name: 'warm', load: 0.5, seconds: 10 };

export const WORKLOADS: readonly Workload[] = [
  workload('0.5x, 10 min', { load: 0.5, seconds: 600 }, true),
  workload('1.3x', { load: 1.3, seconds: 60 }),
  workload('2x', { load: 2, seconds: 10 }),
  workload('10x', { load: 10, seconds: 10 }),
  workload('dependency 10 times slow', { load: 0.5, dependency: slowBy(10), seconds: 60 }, true),
  workload('dependency 1.8 times slow', { load: 0.5, dependency: slowBy(1.8), seconds: 60 }, true),
  workload('dependency 1.8 times slow, 0.8x', { load: 0.8, dependency: slowBy(1.8), seconds: 60 }, true),
  workload('dependency down to a quarter', { load: 0.5, dependency: { places: 5 }, seconds: 30 }),
  constantWorkload('lognormal latency, 2x', {
    load: 2,
    dependency: { latencyMs: lognormal },
    seconds: 30,
    deadlineMs: 500,
  }),
  constantWorkload(
    'two kinds of latency, 0.9x',
    { load: 0.9, dependency: { latencyMs: bimodal }, seconds: 60, deadlineMs: 1_000 },
    true,
  ),
  constantWorkload('two kinds of latency, 2x', {
    load: 2,
    dependency: { latencyMs: bimodal },
    seconds: 30,
    deadlineMs: 1_000,
  }),
  constantWorkload('load of a day in 5 min', {
    load: (second) => 1.1 - 0.9 * Math.cos((2 * Math.PI * second) / 300),
    seconds: 300,
  }),
  constantWorkload('dependency that serves one at a time, 2x', {
    load: 0.4,
    dependency: { places: 1, latencyMs: () => 5 },
    seconds: 30,
  }),
  {
    name: 'after 2x with three tries',
    phases: [
      WARM,
      { ...USUAL, name: 'burst', load: 2, seconds: 10, tries: 3 },
      { ...USUAL, name: 'after', load: 0.5, seconds: 20, tries: 3 },
    ],
    judged: ['after'],
    isServable: true,
  },
];

/** Ten seconds of usual load, then one phase that counts. */
function workload(name: string, phase: Partial<Phase> & Pick<Phase, 'load'>, isServable = false): Workload {
  return { name, phases: [WARM, { ...USUAL, ...phase, name }], judged: [name], isServable };
}

/** One phase that counts from its start. */
function constantWorkload(
  name: string,
  phase: Partial<Phase> & Pick<Phase, 'load'>,
  isServable = false,
): Workload {
  return { name, phases: [{ ...USUAL, ...phase, name }], judged: [name], isServable };
}

/** A latency of median 20 ms and a heavy tail. */
function lognormal(random: Random): number {
  return DEPENDENCY_MS * Math.exp(0.8 * random.normal());
}

/** 95 % of calls take 5 ms and 5 % take 500 ms. */
function bimodal(random: Random): number {
  return random.next() < 0.05 ? 500 : 5;
}

export async function run(workload: Workload, make: MakeLimiter, seed: number): Promise<WorkloadResult> {
  const results = await simulate(make, workload.phases, seed, 'release');
  const judged = results.filter(({ phase }) => workload.judged.includes(phase.name));
  const sum = (read: (result: PhaseResult) => number) =>
    judged.reduce((total, result) => total + read(result), 0);
  return {
    offered: sum(({ total }) => total.offered),
    good: sum(({ total }) => total.good),
    rejected: sum(({ total }) => total.rejected),
    permits: judged.at(-1)?.total.permits,
  };
}

/**
 * The largest number of clients that a fixed limit serves in time, and that limit. It tries every third limit, then those
 * around the best.
 */
export async function bestFixed(
  workload: Workload,
  seed: number,
): Promise<{ readonly good: number; readonly permits: number }> {
  const goods = new Map<number, number>();
  const tryAll = async (indexes: readonly number[]): Promise<void> => {
    for (const index of indexes) {
      const permits = FIXED_LIMITS[index];
      if (permits === undefined || goods.has(index)) continue;
      const { good, offered } = await run(workload, fixed(permits), seed);
      goods.set(index, good);
      if (good === offered) return;
    }
  };
  const best = (): number => {
    const largest = Math.max(...goods.values());
    return [...goods.keys()].find((index) => goods.get(index) === largest) ?? 0;
  };
  await tryAll(FIXED_LIMITS.map((_, index) => index).filter((index) => index % 3 === 0));
  const centre = best();
  await tryAll([centre - 2, centre - 1, centre + 1, centre + 2]);
  return { good: goods.get(best()) ?? 0, permits: FIXED_LIMITS[best()] ?? 0 };
}
