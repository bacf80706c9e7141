/** What one permit's time out tells of the load. */
export interface LimitSample {
  /** When it was granted, in milliseconds. */
  readonly startedMs: number;
  /** When it came back; never earlier than that of the sample before. */
  readonly endedMs: number;
  /** Permits out when it was granted, itself included. */
  readonly inFlight: number;
  /** Milliseconds in which the thread was at work so far, when it came back. */
  readonly busyMs: number;
  /** Whether the work failed because something was overloaded. */
  readonly isOverload: boolean;
}

/**
 * Finds the limit from samples alone. It has neither a clock nor a timer: the same samples give the same limits.
 * Make a new one for each limiter.
 *
 * @example
 * ```ts
 * import { AdaptiveSemaphore } from 'express-semaphore/adaptive';
 * import type { LimitAlgorithm, LimitSample } from 'express-semaphore/adaptive';
 *
 * // One of your own: a permit less for each overload, one more for each success.
 * let permits = 20;
 * const algorithm: LimitAlgorithm = {
 *   initial: permits,
 *   next({ isOverload }: LimitSample) {
 *     permits = Math.min(100, Math.max(5, permits + (isOverload ? -1 : 1)));
 *     return permits;
 *   },
 * };
 * new AdaptiveSemaphore({ algorithm }).tryAcquire()?.release('overload');
 * console.log(permits); // 19
 * ```
 */
export interface LimitAlgorithm {
  /** The limit before the first sample. */
  readonly initial: number;

  /** Takes in a sample, and says the limit from now on. It need not be whole. */
  next(sample: LimitSample): number;
}

/** Between which bounds an algorithm looks for the limit, and where it begins. */
export interface LimitBounds {
  /** @defaultValue `3` */
  readonly minPermits?: number | undefined;
  /** @defaultValue `1_000`, or `minPermits` if that is more */
  readonly maxPermits?: number | undefined;
  /** @defaultValue `20` */
  readonly initialPermits?: number | undefined;
}
