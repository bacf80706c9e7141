import type { LimitAlgorithm } from './algorithm.js';
import { latencyControl } from './latency-control.js';
import type { LatencyOptions } from './latency-control.js';

/** How much longer than the baseline a permit may be held before the limit gives way. */
const BUFFER = 0.25;
/** By how much one window may change the limit. */
const MIN_GRADIENT = 0.5;
const MAX_GRADIENT = 2;

/**
 * The limit times `baseline x 1.25 / median`, plus the root of the limit as headroom for bursts.
 *
 * Source: the gradient controller of Envoy's adaptive concurrency filter, with its formula, buffer, headroom and probes
 * of the minimum. The probe itself differs: a quarter of the limit rather than 3, so that slow work is not held
 * up for seconds.
 *
 * @throws `TypeError` or `RangeError` for a bad option.
 *
 * @example
 * ```ts
 * import { AdaptiveSemaphore, gradient } from 'express-semaphore/adaptive';
 * import type { LatencyOptions } from 'express-semaphore/adaptive';
 *
 * const options: LatencyOptions = { initialPermits: 10, random: () => 0.5 };
 * const backend = new AdaptiveSemaphore({ algorithm: gradient(options) });
 * await backend.run(async () => 'called');
 * ```
 */
export function gradient(options: LatencyOptions = {}): LimitAlgorithm {
  return latencyControl('gradient', gradientStep, options);
}

function gradientStep(limit: number, medianMs: number, baselineMs: number): number {
  const ratio = (baselineMs * (1 + BUFFER)) / Math.max(medianMs, Number.MIN_VALUE);
  return limit * Math.min(MAX_GRADIENT, Math.max(MIN_GRADIENT, ratio)) + Math.sqrt(limit);
}
