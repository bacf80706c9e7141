import type { LimitAlgorithm } from './algorithm.js';
import { latencyControl } from './latency-control.js';
import type { LatencyOptions } from './latency-control.js';

/** Share by which the median may exceed the baseline before the limit falls. */
const BUFFER = 0.25;
/** Smallest factor that one window applies to the limit. */
const MIN_GRADIENT = 0.5;
/** Largest factor that one window applies to the limit. */
const MAX_GRADIENT = 2;

/**
 * An algorithm that multiplies the limit by `1.25 × baseline / median` and adds the square root of the limit.
 *
 * Source: the gradient controller of Envoy's adaptive concurrency filter: formula, buffer, headroom and probes. A probe
 * takes a quarter of the limit here, and 3 permits in Envoy.
 *
 * @param options - The bounds of the limit, and where it starts.
 *
 * @throws `TypeError` or `RangeError` for a bad option.
 *
 * @example
 * ```ts
 * import { AdaptiveSemaphore, gradient } from 'express-semaphore/adaptive';
 *
 * const backend = new AdaptiveSemaphore({ algorithm: gradient({ initialPermits: 10, maxPermits: 200 }) });
 * ```
 */
export function gradient(options: LatencyOptions = {}): LimitAlgorithm {
  return latencyControl('gradient', gradientStep, options);
}

function gradientStep(limit: number, timeMs: number, baselineMs: number): number {
  const ratio = (baselineMs * (1 + BUFFER)) / Math.max(timeMs, Number.MIN_VALUE);
  return limit * Math.min(MAX_GRADIENT, Math.max(MIN_GRADIENT, ratio)) + Math.sqrt(limit);
}
