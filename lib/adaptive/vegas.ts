import type { LimitAlgorithm } from './algorithm.js';
import { latencyControl } from './latency-control.js';
import type { LatencyOptions } from './latency-control.js';

/** Steps for a queue that is shorter than wished for, and bounds of the wish, in logarithms of the limit. */
const ALPHA = 3;
const BETA = 6;

/**
 * Estimates how many of those out are queueing, `limit x (1 - baseline / median)`, and keeps that between 3 and 6 times
 * the decimal logarithm of the limit; below one logarithm the limit grows faster.
 *
 * Source: TCP Vegas, L. Brakmo and L. Peterson, 1995, with the constants of `VegasLimit` in Netflix' concurrency-limits.
 * The baseline differs: it is probed, because the time at some moment under load lets the limit drift upward.
 *
 * @throws `TypeError` or `RangeError` for a bad option.
 *
 * @example
 * ```ts
 * import { AdaptiveSemaphore, vegas } from 'express-semaphore/adaptive';
 *
 * const backend = new AdaptiveSemaphore({ algorithm: vegas({ maxPermits: 200 }) });
 * await backend.run(async () => 'called');
 * ```
 */
export function vegas(options: LatencyOptions = {}): LimitAlgorithm {
  return latencyControl('vegas', vegasStep, options);
}

function vegasStep(limit: number, medianMs: number, baselineMs: number): number {
  const unit = Math.max(1, Math.log10(limit));
  const queued = Math.ceil(limit * (1 - baselineMs / Math.max(medianMs, baselineMs)));
  if (queued <= unit) return limit + BETA * unit;
  if (queued < ALPHA * unit) return limit + unit;
  return queued > BETA * unit ? limit - unit : limit;
}
