import { types } from 'node:util';
import { retryAfterSeconds } from './internal/retry-after.js';

/** Code that identifies a rejection. Codes never change. */
export type SemaphoreErrorCode =
  | 'ERR_SEMAPHORE_QUEUE_FULL'
  | 'ERR_SEMAPHORE_WAIT_TIMEOUT'
  | 'ERR_SEMAPHORE_WAIT_TOO_LONG'
  | 'ERR_SEMAPHORE_CLOSED'
  | 'ERR_SEMAPHORE_QUEUE_CLEARED'
  | 'ERR_SEMAPHORE_HOLD_TIMEOUT'
  | 'ERR_SEMAPHORE_KEY_LIMIT'
  | 'ERR_SEMAPHORE_LEASE_LOST'
  | 'ERR_SEMAPHORE_BACKEND';

/** Whose limit was reached: that of one key, that of all callers, or none because the backend failed. */
export type ErrorScope = 'key' | 'limiter' | 'backend';

/** Details of a rejection. */
export interface SemaphoreErrorOptions extends ErrorOptions {
  /** Estimated time until a retry can succeed, in milliseconds. */
  readonly retryAfterMs?: number | undefined;

  /** Whose limit was reached. @defaultValue the class's own: `'limiter'`, and `'backend'` for a backend failure */
  readonly scope?: ErrorScope | undefined;
}

let isAnswering = false;

/**
 * Calls `acquire`. Rejections that it makes have no stack: its caller answers them, and a stack would show host frames
 * only. Under overload the stacks would be a tenth of the cost of a rejected request.
 */
export function withoutStacks<Result>(acquire: () => Result): Result {
  isAnswering = true;
  try {
    return acquire();
  } finally {
    isAnswering = false;
  }
}

/**
 * Thrown when a limiter does not grant a permit. Each rejection is a fresh instance; its message names no request and
 * no key. A rejection that `limit` provokes on arrival has no stack.
 *
 * It follows the http-errors convention: after `next(error)` the host answers with `status` and `headers`.
 *
 * @example
 * ```ts
 * import { QueueFullError, Semaphore, SemaphoreError } from 'express-semaphore';
 *
 * const semaphore = new Semaphore(2, { queueLimit: 10 });
 * try {
 *   using permit = await semaphore.acquire({ maxWaitMs: 100 });
 * } catch (error) {
 *   if (error instanceof QueueFullError) console.log('retry after', error.retryAfterMs);
 *   else if (error instanceof SemaphoreError) console.log(error.code);
 *   else throw error;
 * }
 * ```
 */
export abstract class SemaphoreError extends Error {
  abstract override readonly name: string;
  abstract readonly code: SemaphoreErrorCode;

  /** Estimated time until a retry can succeed, in milliseconds; `undefined` where nothing is known. */
  readonly retryAfterMs: number | undefined;

  /** Whose limit was reached. */
  readonly scope: ErrorScope;

  /** HTTP status: 429 where the scope is one key, else 503. A value and no getter, because Koa assigns it. */
  readonly status: number;

  /** The same as `status`, for hosts that read this name. */
  readonly statusCode: number;

  readonly #spread = Math.random();

  constructor(message: string, options: SemaphoreErrorOptions = {}) {
    const frames = Error.stackTraceLimit;
    // An assignment would throw where the platform's objects are frozen.
    if (isAnswering) Reflect.set(Error, 'stackTraceLimit', 0);
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    if (isAnswering) Reflect.set(Error, 'stackTraceLimit', frames);
    this.retryAfterMs = options.retryAfterMs;
    this.scope = options.scope ?? 'limiter';
    this.status = this.scope === 'key' ? 429 : 503;
    this.statusCode = this.status;
  }

  /** Whether a client may read the message: only with a status below 500, as in http-errors. */
  get expose(): boolean {
    return this.status < 500;
  }

  /** Headers of the answer: `Retry-After` in whole seconds, with jitter that is drawn once for each error. */
  get headers(): Record<string, string> {
    return { 'Retry-After': String(retryAfterSeconds(this.retryAfterMs, this.#spread)) };
  }
}

/** Thrown when no permit is free and the queue already holds `queueLimit` waiters. */
export class QueueFullError extends SemaphoreError {
  override readonly name = 'QueueFullError';
  readonly code = 'ERR_SEMAPHORE_QUEUE_FULL';
}

/** Thrown when no permit became free within `maxWaitMs`. */
export class WaitTimeoutError extends SemaphoreError {
  override readonly name = 'WaitTimeoutError';
  readonly code = 'ERR_SEMAPHORE_WAIT_TIMEOUT';
}

/**
 * Thrown when a caller's expected wait exceeds its `maxWaitMs`, at the measured release rate. The order
 * `'adaptive-lifo'` also rejects waiters with it that have waited too long.
 */
export class WaitTooLongError extends SemaphoreError {
  override readonly name = 'WaitTooLongError';
  readonly code = 'ERR_SEMAPHORE_WAIT_TOO_LONG';
}

/** Thrown when the limiter is closed. `cause` is the reason that `close()` got. */
export class ClosedError extends SemaphoreError {
  override readonly name = 'ClosedError';
  readonly code = 'ERR_SEMAPHORE_CLOSED';
}

/** Thrown to waiters when `clear()` empties the queue. `cause` is the reason that `clear()` got. */
export class QueueClearedError extends SemaphoreError {
  override readonly name = 'QueueClearedError';
  readonly code = 'ERR_SEMAPHORE_QUEUE_CLEARED';
}

/** Reason of a permit's `signal` that was held for `maxHoldMs`. `acquire` never throws it. */
export class HoldTimeoutError extends SemaphoreError {
  override readonly name = 'HoldTimeoutError';
  readonly code = 'ERR_SEMAPHORE_HOLD_TIMEOUT';
}

/** Thrown when a key is new and each of the `maxKeys` existing keys has a holder or a waiter. */
export class TooManyKeysError extends SemaphoreError {
  override readonly name = 'TooManyKeysError';
  readonly code = 'ERR_SEMAPHORE_KEY_LIMIT';
}

/** Reason of a permit's `signal` whose lease ended without a release. Others may run in its place. */
export class LeaseLostError extends SemaphoreError {
  override readonly name = 'LeaseLostError';
  readonly code = 'ERR_SEMAPHORE_LEASE_LOST';

  constructor(message: string, options: SemaphoreErrorOptions = {}) {
    super(message, { scope: 'backend', ...options });
  }
}

/** Thrown when the server that counts the permits is unusable. `cause` is its error, if it gave one. */
export class BackendError extends SemaphoreError {
  override readonly name = 'BackendError';
  readonly code = 'ERR_SEMAPHORE_BACKEND';

  constructor(message: string, options: SemaphoreErrorOptions = {}) {
    super(message, { scope: 'backend', ...options });
  }
}

/**
 * Whether `value` is a rejection by a limiter, also by one from another copy of this package or from a worker's
 * `'error'` event.
 *
 * `false` for a copy that `structuredClone` or `postMessage` makes: a copied error has the message, without a code.
 *
 * @param value - Any value that was thrown.
 *
 * @example
 * ```ts
 * import { isSemaphoreError, Semaphore } from 'express-semaphore';
 *
 * await new Semaphore(0).acquire({ maxWaitMs: 0 }).catch((error: unknown) => {
 *   if (!isSemaphoreError(error)) throw error;
 *   console.log(error.status, error.code); // 503 ERR_SEMAPHORE_WAIT_TIMEOUT
 * });
 * ```
 */
export function isSemaphoreError(value: unknown): value is SemaphoreError {
  if (typeof value !== 'object' || value === null || !('code' in value)) return false;
  // No instanceof: another copy of the package and another realm have classes of their own. Node rebuilds the error of a
  // worker from its properties, which makes an object that is not native.
  const isError = types.isNativeError(value) || 'stack' in value;
  return isError && String(value.code).startsWith('ERR_SEMAPHORE_');
}
