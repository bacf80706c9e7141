import type { Limiter } from '../core/limiter.js';
import { isLimiter, requireLimiter, requireObject } from '../internal/validate.js';
import type { KeyedSemaphore } from './keyed-semaphore.js';

/**
 * The limiters of an application, each under its name: `{ api, perUser }`. The dashboard, metrics and `gracefulShutdown` take
 * the same object.
 */
export type Limiters = Readonly<Record<string, Limiter | KeyedSemaphore>>;

/** Throws a `TypeError` unless `limiters` is an object of limiters. */
export function requireLimiters(limiters: unknown): asserts limiters is Limiters {
  requireObject('limiters', limiters);
  if (isLimiter(limiters) || Array.isArray(limiters)) {
    const what = Array.isArray(limiters) ? 'an array' : 'a limiter';
    throw new TypeError(`limiters must name each limiter, as in { api }, got ${what}`);
  }
  for (const [name, limiter] of Object.entries(limiters)) requireLimiter(`limiters.${name}`, limiter);
}
