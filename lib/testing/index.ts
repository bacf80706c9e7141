import { setImmediate } from 'node:timers';
import { Semaphore } from '../core/semaphore.js';
import type { SemaphoreOptions } from '../core/semaphore-options.js';

export { FakeClock } from './fake-clock.js';

/**
 * A semaphore that rejects every call at once with `QueueFullError`. It holds nothing, so `idle()` resolves.
 *
 * `new KeyedSemaphore(() => rejectingLimiter())` rejects every key. `resize` ends the rejections. It has 0 permits, and
 * `limit` warns of that once.
 *
 * @example
 * ```ts
 * import { limit } from 'express-semaphore';
 * import { rejectingLimiter } from 'express-semaphore/testing';
 *
 * const middleware = limit(rejectingLimiter()); // answers 503 to every request
 * ```
 */
export function rejectingLimiter(options?: Omit<SemaphoreOptions, 'queueLimit'>): Semaphore {
  return new Semaphore(0, { ...options, queueLimit: 0 });
}

/**
 * A semaphore that queues every call and grants no permit. Its waiters leave by timeout, abort or `close`.
 *
 * `resize` ends the wait. It has 0 permits, and `limit` warns of that once.
 */
export function stuckLimiter(options?: SemaphoreOptions): Semaphore {
  return new Semaphore(0, options);
}

/**
 * Resolves in the next turn of the event loop. All promise callbacks that were ready have run by then.
 *
 * It does not wait for sockets or timers. Requests that one release grants together start in one turn each.
 */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
