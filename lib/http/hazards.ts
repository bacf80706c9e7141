import type { Limiter } from '../core/limiter.js';
import { warnOnce } from '../internal/warn.js';
import type { KeyedSemaphore } from '../keyed/keyed-semaphore.js';

/** No app has so many limiters of its own; one that makes them anew for each request soon has. */
const MANY = 1_000;

const mounted = new WeakSet<object>();
let count = 0;

/** Warns of what a mounted limiter will let happen. All that is looked at is there when it is mounted. */
export function warnOfMisuse(limiter: Limiter | KeyedSemaphore, maxWaitMs: number): void {
  if (maxWaitMs === Infinity && 'queueLimit' in limiter && limiter.queueLimit === Infinity) {
    warnOnce('WARN_SEMAPHORE_UNBOUNDED_QUEUE', 'limit has neither a queueLimit nor a maxWaitMs');
  }
  if (mounted.has(limiter)) return;
  mounted.add(limiter);
  if (++count === MANY) {
    const what = `limit was given ${MANY} different limiters: one made inside a handler limits nothing`;
    warnOnce('WARN_SEMAPHORE_MADE_PER_REQUEST', what, new Error().stack);
  }
}
