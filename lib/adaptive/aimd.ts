import { requireDuration, requireOptions } from '../internal/validate.js';
import type { LimitAlgorithm, LimitBounds } from './algorithm.js';
import { checkBounds, clamp } from './bounds.js';
import { isOverload } from './is-overload.js';
import { SampleWindow } from './sample-window.js';

/** What is left of the limit after a window with overload. */
const BACKOFF = 0.9;

/** What `aimd` can be told. */
export interface AimdOptions extends LimitBounds {
  /** A median time above this counts as overload, in milliseconds. @defaultValue `1_000` */
  readonly timeoutMs?: number | undefined;
}

/**
 * Additive increase, multiplicative decrease: one permit more after a window in which the limit was in use, a tenth less
 * after one with overload. It looks for no queue, so it finds the limit only where overload shows: as errors, or as
 * times above `timeoutMs`.
 *
 * Source: D. Chiu and R. Jain, 1989; the constants are those of `AIMDLimit` in Netflix' concurrency-limits.
 *
 * @throws `TypeError` or `RangeError` for a bad option.
 *
 * @example
 * ```ts
 * import { AdaptiveSemaphore, aimd } from 'express-semaphore/adaptive';
 * import type { AimdOptions } from 'express-semaphore/adaptive';
 *
 * const options: AimdOptions = { timeoutMs: 250, initialPermits: 10 };
 * const backend = new AdaptiveSemaphore({ algorithm: aimd(options) });
 * await backend.run(async () => 'called');
 * ```
 */
export function aimd(options: AimdOptions = {}): LimitAlgorithm {
  requireOptions(options);
  const { timeoutMs = 1_000, ...boundOptions } = options;
  requireDuration('timeoutMs', timeoutMs);
  const bounds = checkBounds('aimd', boundOptions);
  const window = new SampleWindow();
  let limit = bounds.initial;

  return {
    initial: limit,
    next(sample) {
      const summary = window.add(sample);
      if (summary === undefined) return limit;
      const { medianMs = 0, maxInFlight } = summary;
      if (isOverload(summary) || medianMs > timeoutMs) limit = clamp(limit * BACKOFF, bounds);
      else if (maxInFlight * 2 >= limit) limit = clamp(limit + 1, bounds);
      return limit;
    },
  };
}
