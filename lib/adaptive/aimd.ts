import type { LimitAlgorithm } from './algorithm.js';
import { latencyControl } from './latency-control.js';
import type { LatencyOptions } from './latency-control.js';

/** Multiple of the baseline above which a holding time means overload. */
const TOLERANCE = 1.5;
/** Factor applied to the limit after a window with overload. */
const BACKOFF = 0.9;

/**
 * An algorithm of additive increase and multiplicative decrease. A window of holding times up to 1.5 times the baseline
 * adds one permit. A window of longer times takes a tenth of the limit.
 *
 * It is the simplest of the three and the slowest to follow a change.
 *
 * Source: D. Chiu and R. Jain, 1989, with the constants of `AIMDLimit` in Netflix' concurrency-limits. The signal is the
 * baseline here, and a fixed timeout there.
 *
 * @param options - The bounds of the limit, and where it starts.
 *
 * @throws `TypeError` or `RangeError` for a bad option.
 *
 * @example
 * ```ts
 * import { AdaptiveSemaphore, aimd } from 'express-semaphore/adaptive';
 *
 * const backend = new AdaptiveSemaphore({ algorithm: aimd({ maxPermits: 200 }) });
 * ```
 */
export function aimd(options: LatencyOptions = {}): LimitAlgorithm {
  return latencyControl('aimd', aimdStep, options);
}

function aimdStep(limit: number, timeMs: number, baselineMs: number): number {
  return timeMs > TOLERANCE * baselineMs ? limit * BACKOFF : limit + 1;
}
