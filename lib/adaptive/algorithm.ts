import type { Outcome } from '../core/limiter.js';
import { requireInteger } from '../internal/validate.js';

/** One released permit, as an algorithm sees it. */
export interface LimitSample {
  /** Time of the grant, in milliseconds on the limiter's clock. */
  readonly startedMs: number;
  /** Time of the release, in milliseconds. It is never earlier than that of the sample before. */
  readonly endedMs: number;
  /** Held permits at the time of the grant, this one included. */
  readonly inFlight: number;
  /** Total time that the event loop was busy until the release, in milliseconds. It is read once a millisecond. */
  readonly busyMs: number;
  /** How the work ended. After `'ignore'`, the time tells only that the permit was held so long at least. */
  readonly outcome: Outcome;
}

/**
 * Computes the limit from samples. It has no clock and no timer: the same samples give the same limits.
 * It belongs to one limiter.
 *
 * @example
 * ```ts
 * import { AdaptiveSemaphore } from 'express-semaphore/adaptive';
 * import type { LimitAlgorithm } from 'express-semaphore/adaptive';
 *
 * let permits = 20;
 * const algorithm: LimitAlgorithm = {
 *   initial: permits,
 *   next({ outcome }) {
 *     if (outcome === 'success') permits = Math.min(100, permits + 1);
 *     if (outcome === 'overload') permits = Math.max(5, permits / 2);
 *     return permits;
 *   },
 * };
 * const backend = new AdaptiveSemaphore({ algorithm });
 * ```
 */
export interface LimitAlgorithm {
  /** The limit before the first sample. */
  readonly initial: number;

  /** Returns the limit after `sample`. The limiter rounds it down, to 1 at least. */
  next(sample: LimitSample): number;

  /**
   * What it has learned, in a form that survives JSON. A limit that processes share needs it: one process computes the limit,
   * and its successor sets the state that it read last.
   */
  state?: unknown;
}

/** The range in which an algorithm searches, and where it starts. */
export interface LimitBounds {
  /** Smallest limit. @defaultValue `3` */
  readonly minPermits?: number | undefined;
  /** Largest limit. @defaultValue `1_000`, or `minPermits` if that is more */
  readonly maxPermits?: number | undefined;
  /** First limit. @defaultValue `20`, within the bounds */
  readonly initialPermits?: number | undefined;
}

/** Validated bounds with their defaults. */
export interface ResolvedBounds {
  readonly min: number;
  readonly max: number;
  readonly initial: number;
}

/** Applies the defaults of `bounds` and checks each bound against the others. `minPermits` must be valid. */
export function resolveBounds(bounds: LimitBounds): ResolvedBounds {
  const { minPermits = 3, initialPermits } = bounds;
  const { maxPermits = Math.max(1_000, minPermits) } = bounds;
  requireInteger('maxPermits', maxPermits, minPermits);
  if (initialPermits !== undefined) requireInteger('initialPermits', initialPermits, minPermits, maxPermits);
  const initial = initialPermits ?? clamp(20, { min: minPermits, max: maxPermits });
  return { min: minPermits, max: maxPermits, initial };
}

/** Moves `limit` into the bounds. */
export function clamp(limit: number, { min, max }: Pick<ResolvedBounds, 'min' | 'max'>): number {
  return Math.min(max, Math.max(min, limit));
}

/** `limit` as a whole number of permits, 1 at least. */
export function wholeLimit(name: string, limit: unknown): number {
  const permits = typeof limit === 'number' ? Math.max(1, Math.floor(limit)) : limit;
  requireInteger(name, permits, 1);
  return permits;
}
