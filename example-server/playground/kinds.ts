import { limit, Semaphore } from 'express-semaphore';
import { AdaptiveSemaphore } from 'express-semaphore/adaptive';
import type { Limiter, Middleware } from 'express-semaphore';

/** What the service can do at once without getting slower, and hence what a fixed limit should be. */
export const CAPACITY = 10;

/** Half of what a client is ready to wait, so that there is time left to serve it, in milliseconds. */
const LONGEST_WAIT_MS = 500;

/** Orders of the line to choose from. */
export const ORDERS = ['fifo', 'lifo', 'adaptive-lifo'] as const;

/** Ways to limit to choose from. */
export const KINDS = ['unbounded queue', 'bounded queue', 'expected wait', 'adaptive'] as const;

export type PlaygroundOrder = (typeof ORDERS)[number];
export type Kind = (typeof KINDS)[number];

/** A limiter and its middleware. */
export interface Gate {
  readonly limiter: Limiter;
  readonly limit: Middleware;
}

export function makeGate(kind: Kind, order: PlaygroundOrder): Gate {
  switch (kind) {
    case 'unbounded queue':
      // As good as Infinity, but said on purpose, so nobody is warned of it.
      return gateOf(new Semaphore(CAPACITY, { order, queueLimit: Number.MAX_SAFE_INTEGER }), Infinity);
    case 'bounded queue':
      return gateOf(new Semaphore(CAPACITY, { order, queueLimit: 2 * CAPACITY }), Infinity);
    case 'expected wait':
      // Who cannot be served within this time, as permits come back now, is refused at once.
      return gateOf(new Semaphore(CAPACITY, { order }), LONGEST_WAIT_MS);
    case 'adaptive':
      // It is told nothing of the service, and finds out itself how much that can do.
      return gateOf(new AdaptiveSemaphore({ order }), LONGEST_WAIT_MS);
  }
}

function gateOf(limiter: Limiter, maxWaitMs: number): Gate {
  return { limiter, limit: limit(limiter, { maxWaitMs }) };
}
