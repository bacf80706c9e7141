import type { LimitAlgorithm } from './algorithm.js';
import { latencyControl } from './latency-control.js';
import type { LatencyOptions } from './latency-control.js';

/** Queue length in units below which the limit grows. */
const ALPHA = 3;
/** Queue length in units above which the limit falls. */
const BETA = 6;
/** Smallest factor that one window applies to the limit. */
const MAX_FALL = 0.5;

/**
 * An algorithm that keeps the estimated queue behind the limiter, `limit × (1 - baseline / median)`, between 3 and 6
 * units. A unit is the decimal logarithm of the limit.
 *
 * Source: TCP Vegas, L. Brakmo and L. Peterson, 1995, with the constants of `VegasLimit` in Netflix' concurrency-limits.
 * The baseline is probed here, and the smallest time seen there.
 *
 * @param options - The bounds of the limit, and where it starts.
 *
 * @throws `TypeError` or `RangeError` for a bad option.
 *
 * @example
 * ```ts
 * import { AdaptiveSemaphore, vegas } from 'express-semaphore/adaptive';
 *
 * const backend = new AdaptiveSemaphore({ algorithm: vegas({ maxPermits: 200 }) });
 * ```
 */
export function vegas(options: LatencyOptions = {}): LimitAlgorithm {
  return latencyControl('vegas', vegasStep, options);
}

function vegasStep(limit: number, timeMs: number, baselineMs: number): number {
  const unit = Math.max(1, Math.log10(limit));
  const queued = limit * (1 - baselineMs / Math.max(timeMs, baselineMs));
  if (queued <= unit) return limit + BETA * unit;
  if (queued < ALPHA * unit) return limit + unit;
  return Math.max(limit * MAX_FALL, limit - Math.max(0, queued - BETA * unit));
}
