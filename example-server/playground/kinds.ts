import { limit, Semaphore } from 'express-semaphore';
import { AdaptiveSemaphore } from 'express-semaphore/adaptive';
import type { Limiter, Middleware } from 'express-semaphore';
import type { OrderName } from '../../lib/orders/index.js';

/** Number of requests that the service can do at once at full speed, and hence the right fixed limit. */
export const CAPACITY = 10;

/** Half of the time that a client waits, in milliseconds. The other half is for the work itself. */
const MAX_WAIT_MS = 500;

/** Kinds of limiter to choose from. */
export const KINDS = ['unbounded queue', 'bounded queue', 'expected wait', 'adaptive'] as const;

export type Kind = (typeof KINDS)[number];

/** A limiter and its middleware. */
export interface LimitedBy {
  readonly limiter: Limiter;
  readonly limit: Middleware;
}

export function createLimiter(kind: Kind, order: OrderName): LimitedBy {
  switch (kind) {
    case 'unbounded queue':
      // An explicit bound, however large, turns off the warning about an unbounded queue.
      return limitedBy(new Semaphore(CAPACITY, { order, queueLimit: Number.MAX_SAFE_INTEGER }), Infinity);
    case 'bounded queue':
      return limitedBy(new Semaphore(CAPACITY, { order, queueLimit: 2 * CAPACITY }), Infinity);
    case 'expected wait':
      // A caller whose expected wait is longer than this is rejected on arrival.
      return limitedBy(new Semaphore(CAPACITY, { order }), MAX_WAIT_MS);
    case 'adaptive':
      // It knows nothing of the service and finds the limit by itself.
      return limitedBy(new AdaptiveSemaphore({ order }), MAX_WAIT_MS);
  }
}

function limitedBy(limiter: Limiter, maxWaitMs: number): LimitedBy {
  return { limiter, limit: limit(limiter, { maxWaitMs }) };
}
