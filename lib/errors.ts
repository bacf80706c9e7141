/** Codes by which a refusal can be told apart; they never change. */
export type SemaphoreErrorCode =
  | 'ERR_SEMAPHORE_QUEUE_FULL'
  | 'ERR_SEMAPHORE_WAIT_TIMEOUT'
  | 'ERR_SEMAPHORE_WAIT_TOO_LONG'
  | 'ERR_SEMAPHORE_CLOSED'
  | 'ERR_SEMAPHORE_KEY_LIMIT'
  | 'ERR_SEMAPHORE_LEASE_LOST'
  | 'ERR_SEMAPHORE_BACKEND';

let isAnswering = false;

/**
 * Calls `ask`. Refusals made meanwhile have no stack: whoever asks answers them, and all that it could show are frames of
 * the host. Under overload it would be a tenth of what a refused request costs.
 */
export function withoutStacks<Result>(ask: () => Result): Result {
  isAnswering = true;
  try {
    return ask();
  } finally {
    isAnswering = false;
  }
}

/**
 * A limiter refused to give a permit. Each refusal is a fresh instance, which names no request and no key.
 *
 * It follows the http-errors convention, so `next(error)` answers with the right status and headers. One that is made
 * when `limit` asks has no stack.
 *
 * @example
 * ```ts
 * import { ClosedError, QueueFullError, Semaphore, SemaphoreError } from 'express-semaphore';
 * import { WaitTimeoutError, WaitTooLongError } from 'express-semaphore';
 * import type { SemaphoreErrorCode } from 'express-semaphore';
 *
 * const semaphore = new Semaphore(0, { queueLimit: 10 });
 * try {
 *   await semaphore.acquire({ maxWaitMs: 0 });
 * } catch (error) {
 *   if (!(error instanceof SemaphoreError)) throw error;
 *   const code: SemaphoreErrorCode = error.code; // or by class
 *   if (error instanceof WaitTimeoutError || error instanceof WaitTooLongError) console.log('too slow', code);
 *   if (error instanceof QueueFullError) console.log('too many', error.retryAfterMs, error.headers);
 *   if (error instanceof ClosedError) console.log('closed because of', error.cause);
 * }
 * ```
 */
export abstract class SemaphoreError extends Error {
  abstract override readonly name: string;
  abstract readonly code: SemaphoreErrorCode;

  /** HTTP status to answer with: 503, unless whoever handles the error knows better and sets another. */
  status = 503;

  /** Milliseconds until another try has a chance, estimated; `undefined` where nothing is known. */
  retryAfterMs: number | undefined;

  constructor(message: string, retryAfterMs?: number, options?: ErrorOptions) {
    const frames = Error.stackTraceLimit;
    // Not by assignment, which throws where the platform's objects are frozen.
    if (isAnswering) Reflect.set(Error, 'stackTraceLimit', 0);
    super(message, options);
    if (isAnswering) Reflect.set(Error, 'stackTraceLimit', frames);
    this.retryAfterMs = retryAfterMs;
  }

  /** Whether a client may read the message: only with a status below 500, as in http-errors. */
  get expose(): boolean {
    return this.status < 500;
  }

  /** Headers for the answer: `Retry-After` in whole seconds, from 1 to 60, where `retryAfterMs` is known. */
  get headers(): Record<string, string> {
    const ms = this.retryAfterMs;
    // Anybody may have set it, and a header that cannot be sent would take the answer with it.
    if (typeof ms !== 'number' || Number.isNaN(ms)) return {};
    return { 'Retry-After': String(wholeSeconds(ms)) };
  }
}

/** No permit was free and `queueLimit` waiters already stood in line. */
export class QueueFullError extends SemaphoreError {
  override readonly name = 'QueueFullError';
  readonly code = 'ERR_SEMAPHORE_QUEUE_FULL';
}

/** No permit came free within `maxWaitMs`. */
export class WaitTimeoutError extends SemaphoreError {
  override readonly name = 'WaitTimeoutError';
  readonly code = 'ERR_SEMAPHORE_WAIT_TIMEOUT';
}

/** No permit can be expected within `maxWaitMs`, as fast as permits came back lately; or the order sheds who waited for long. */
export class WaitTooLongError extends SemaphoreError {
  override readonly name = 'WaitTooLongError';
  readonly code = 'ERR_SEMAPHORE_WAIT_TOO_LONG';
}

/** The limiter has been closed; `cause` is the reason given to `close()`. */
export class ClosedError extends SemaphoreError {
  override readonly name = 'ClosedError';
  readonly code = 'ERR_SEMAPHORE_CLOSED';
}

/**
 * The key is new, and each of the `maxKeys` keys there is has a holder or a waiter.
 *
 * @example
 * ```ts
 * import { KeyedSemaphore, TooManyKeysError, Semaphore } from 'express-semaphore';
 *
 * const perUser = new KeyedSemaphore(() => new Semaphore(2), { maxKeys: 1 });
 * using permit = await perUser.acquire('alice');
 * await perUser.acquire('bob').catch((error) => {
 *   if (error instanceof TooManyKeysError) console.log('everybody else has to wait for alice');
 * });
 * ```
 */
export class TooManyKeysError extends SemaphoreError {
  override readonly name = 'TooManyKeysError';
  readonly code = 'ERR_SEMAPHORE_KEY_LIMIT';
}

/** The lease behind a held permit has ended without a release: others may run in its place. Its `signal` aborts with this. */
export class LeaseLostError extends SemaphoreError {
  override readonly name = 'LeaseLostError';
  readonly code = 'ERR_SEMAPHORE_LEASE_LOST';
}

/** The server that keeps the count cannot be used; `cause` is what it said, if anything. */
export class BackendError extends SemaphoreError {
  override readonly name = 'BackendError';
  readonly code = 'ERR_SEMAPHORE_BACKEND';
}

/**
 * Whether `value` is a refusal by a limiter, even by one from another copy of this package.
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
  return (
    value instanceof Error &&
    'code' in value &&
    typeof value.code === 'string' &&
    value.code.startsWith('ERR_SEMAPHORE_')
  );
}

function wholeSeconds(ms: number): number {
  return Math.min(60, Math.max(1, Math.ceil(ms / 1_000)));
}
