import type { Limiter } from '../core/limiter.js';
import { isLimiter, requireLimiter, requireObject } from '../internal/validate.js';
import type { KeyedSemaphore } from './keyed-semaphore.js';

/**
 * The limiters of an application: an object such as `{ api, perUser }`, or a list. The dashboard, metrics and
 * `gracefulShutdown` take the same one.
 */
export type Limiters =
  Readonly<Record<string, Limiter | KeyedSemaphore>> | readonly (Limiter | KeyedSemaphore)[];

/** Throws a `TypeError` unless `limiters` is an object or a list of limiters. */
export function requireLimiters(limiters: unknown): asserts limiters is Limiters {
  requireObject('limiters', limiters);
  if (isLimiter(limiters)) {
    throw new TypeError('limiters must name each limiter, as in { api }, got a limiter');
  }
  for (const [name, limiter] of Object.entries(limiters)) requireLimiter(`limiters.${name}`, limiter);
}

/** Each limiter with its name: its key in an object. In a list it is the limiter's own name, or else its index. */
export function entriesOf(limiters: Limiters): [name: string, limiter: Limiter | KeyedSemaphore][] {
  const entries = Object.entries<Limiter | KeyedSemaphore>(limiters);
  if (!Array.isArray(limiters)) return entries;
  return entries.map(([index, limiter]) => [limiter.stats().name ?? index, limiter]);
}
