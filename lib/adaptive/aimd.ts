import { requireDuration, requireOptions } from '../internal/validate.js';
import { clamp, resolveBounds } from './algorithm.js';
import type { LimitAlgorithm, LimitBounds } from './algorithm.js';
import { isOverload, SampleWindow } from './sample-window.js';

/** Factor applied to the limit after a window with overload. */
const BACKOFF = 0.9;

/** Options of `aimd`. */
export interface AimdOptions extends LimitBounds {
  /** A median holding time above this counts as overload, in milliseconds. @defaultValue `1_000` */
  readonly timeoutMs?: number | undefined;
}

/**
 * An algorithm of additive increase and multiplicative decrease. A window that used half of the limit adds one permit.
 * A window with overload takes a tenth of the limit.
 *
 * It measures no queue. It finds a limit only where overload causes errors, or times above `timeoutMs`.
 *
 * Source: D. Chiu and R. Jain, 1989, with the constants of `AIMDLimit` in Netflix' concurrency-limits.
 *
 * @throws `TypeError` or `RangeError` for a bad option.
 *
 * @example
 * ```ts
 * import { AdaptiveSemaphore, aimd } from 'express-semaphore/adaptive';
 *
 * const backend = new AdaptiveSemaphore({ algorithm: aimd({ timeoutMs: 250 }) });
 * ```
 */
export function aimd(options: AimdOptions = {}): LimitAlgorithm {
  requireOptions(options);
  const { timeoutMs = 1_000, ...boundOptions } = options;
  requireDuration('timeoutMs', timeoutMs);
  const bounds = resolveBounds('aimd', boundOptions);
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
