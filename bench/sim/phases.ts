import { DEPENDENCY_MS, REJECTION_MS, usualLatencyMs, WORK_MS } from './service.js';
import type { Dependency } from './service.js';
import type { Random } from './random.js';

/** Requests that the process can serve in a second. */
export const CAPACITY = 1_000 / (REJECTION_MS + WORK_MS);
/** Permits that serve them without a queue, by Little's law: capacity times holding time. */
export const ORACLE = Math.ceil((CAPACITY * (WORK_MS + DEPENDENCY_MS)) / 1_000);

/** A period with one kind of load. */
export interface Phase {
  readonly name: string;
  /** Arrivals as a multiple of the capacity; a function of the second since the start of the phase where it changes. */
  readonly load: number | ((second: number) => number);
  readonly dependency: Dependency;
  /** Factor on all processor times. */
  readonly slowdown?: number;
  readonly seconds: number;
  /** Time that a client waits for its response, in milliseconds. */
  readonly deadlineMs: number;
  /** Number of times that a client tries, 100 ms apart. The default is 1. */
  readonly tries?: number;
}

/** A dependency that is `factor` times as slow as usual. */
export function slowBy(factor: number): Dependency {
  return { latencyMs: (random) => factor * usualLatencyMs(random) };
}

/** A dependency of which one call in ten takes ten times as long. */
function heavyTail(random: Random): number {
  return usualLatencyMs(random) * (random.next() < 0.1 ? 10 : 1);
}

export const USUAL = { dependency: {}, seconds: 20, deadlineMs: 250 };

/** One after the other: each phase starts with the limit that the phase before has left. */
export const PHASES: readonly Phase[] = [
  { ...USUAL, name: 'warm', load: 0.5 },
  { ...USUAL, name: '2x', load: 2 },
  { ...USUAL, name: '5x', load: 5 },
  { ...USUAL, name: '10x', load: 10 },
  { ...USUAL, name: 'slow thread', load: 0.5, slowdown: 5 },
  { ...USUAL, name: 'recovery', load: 0.5 },
  // A client of a dependency that takes 200 ms waits longer than 250 ms.
  { name: 'slow dependency', load: 0.5, dependency: slowBy(10), seconds: 60, deadlineMs: 1_000 },
  { ...USUAL, name: 'fast again', load: 0.5 },
  { ...USUAL, name: 'full dependency', load: 0.5, dependency: { places: 5 } },
  { ...USUAL, name: 'failing dependency', load: 0.5, dependency: { isFailing: true } },
  { ...USUAL, name: 'heavy tail', load: 1.5, dependency: { latencyMs: heavyTail }, deadlineMs: 500 },
  { ...USUAL, name: 'end', load: 0.5 },
];

/** The same phases in a fraction of their time, for tests. */
export function shortened(phases: readonly Phase[], factor: number): Phase[] {
  return phases.map((phase) => ({ ...phase, seconds: phase.seconds / factor }));
}
