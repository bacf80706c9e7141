import { isSemaphoreError } from '../errors.js';
import type { SemaphoreError } from '../errors.js';
import type { AcquireRequest } from '../orders/order-queue.js';
import type { Permit } from './limiter.js';

export type { AcquireRequest };

/**
 * A method of this package's limiters that decides an acquire at once, without a promise. It is the same symbol in each
 * copy of the package. A limiter of another package need not have it.
 *
 * The caller has checked the request. The method returns a permit, or a rejection without a stack, both counted in
 * `stats()`. It returns `'wait'` when the caller has to wait; `acquire` in the same tick then queues it. It throws only
 * what `acquire` would reject with and is no rejection.
 */
export const DECIDE: unique symbol = Symbol.for('express-semaphore.decide');

/** The decision for one acquire on arrival. */
export type Decision = Permit | SemaphoreError | 'wait';

/** A limiter that can decide an acquire at once. */
export interface Decider {
  [DECIDE](request: AcquireRequest, maxWaitMs: number): Decision;
}

/** A keyed limiter that can decide an acquire at once. */
export interface KeyedDecider {
  [DECIDE](key: string, request: AcquireRequest, maxWaitMs: number): Decision;
}

/** Decides at once with any limiter. One of another package is asked for a free permit only. */
export function decide(
  limiter: { tryAcquire(options: AcquireRequest): Permit | undefined } & Partial<Decider>,
  request: AcquireRequest,
  maxWaitMs: number,
): Decision {
  if (limiter[DECIDE] !== undefined) return limiter[DECIDE](request, maxWaitMs);
  try {
    return limiter.tryAcquire(request) ?? 'wait';
  } catch (error) {
    if (isSemaphoreError(error)) return error;
    throw error;
  }
}
