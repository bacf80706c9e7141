import { CPU_MS, DEPENDENCY_MS } from './service.js';
import type { Dependency } from './service.js';

/** Requests a second that the process can serve. */
export const CAPACITY = 1_000 / CPU_MS;
/** Permits that serve them without a queue, by Little's law: capacity times unloaded time. */
export const ORACLE = Math.ceil((CAPACITY * (CPU_MS + DEPENDENCY_MS)) / 1_000);

/** A stretch of time with one kind of weather. */
export interface Phase {
  readonly name: string;
  /** How many times what can be served is asked for. */
  readonly load: number;
  readonly dependency: Dependency;
  /** Times as slow as usual that the thread is at its work. */
  readonly slowdown?: number;
  readonly seconds: number;
  /** How long clients wait, in milliseconds. */
  readonly deadlineMs: number;
}

const PLAIN = { dependency: {}, seconds: 20, deadlineMs: 250 };

/** In this order, behind one another: each begins with what the one before has left behind. */
export const PHASES: readonly Phase[] = [
  { ...PLAIN, name: 'warm', load: 0.5 },
  { ...PLAIN, name: '2x', load: 2 },
  { ...PLAIN, name: '5x', load: 5 },
  { ...PLAIN, name: '10x', load: 10 },
  { ...PLAIN, name: 'slow thread', load: 0.5, slowdown: 5 },
  { ...PLAIN, name: 'recovery', load: 0.5 },
  // A client that knows the dependency to take 200 ms waits longer than that.
  { name: 'slow dependency', load: 0.5, dependency: { slowdown: 10 }, seconds: 60, deadlineMs: 1_000 },
  { ...PLAIN, name: 'fast again', load: 0.5 },
  { ...PLAIN, name: 'full dependency', load: 0.5, dependency: { places: 5 } },
  { ...PLAIN, name: 'refusing dependency', load: 0.5, dependency: { isRefusing: true } },
  { ...PLAIN, name: 'heavy tail', load: 1.5, dependency: { tail: 10 }, deadlineMs: 500 },
  { ...PLAIN, name: 'end', load: 0.5 },
];

/** The same in short, to see that every part works. */
export function shortened(phases: readonly Phase[], factor: number): Phase[] {
  return phases.map((phase) => ({ ...phase, seconds: phase.seconds / factor }));
}
