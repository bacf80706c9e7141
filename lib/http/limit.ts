import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AcquireOptions, Limiter, Permit, TryAcquireOptions } from '../core/limiter.js';
import { isPromiseLike } from '../core/permit.js';
import {
  requireBoolean,
  requireDuration,
  requireFunction,
  requireInteger,
  requireLimiter,
  requireString,
} from '../core/validate.js';
import { warn } from '../core/warn.js';
import { isSemaphoreError } from '../errors.js';
import type { SemaphoreError } from '../errors.js';
import { KeyedSemaphore } from '../keyed/keyed-semaphore.js';
import { askOf } from './ask.js';
import type { AskOptions } from './ask.js';
import { Exchange } from './exchange.js';
import { passError, passRejection } from './next.js';
import type { Next } from './next.js';
import { isBehindOthers, turnOf } from './pipeline.js';
import { answerRejection } from './rejection.js';
import { jittered } from './retry-jitter.js';

/** The shape of middleware that Express, Connect and everything like them take. */
export type Middleware<Req = IncomingMessage, Res = ServerResponse> = (
  req: Req,
  res: Res,
  next: Next,
) => void;

/** What `limit` can be told. */
export interface LimitOptions<Req = IncomingMessage, Res = ServerResponse> extends AskOptions<Req> {
  /** Longest wait for a permit, in milliseconds; 0 means: do not queue. @defaultValue `1_000` */
  readonly maxWaitMs?: number | undefined;

  /** Status of a refusal. @defaultValue `503`; `429` with a `KeyedSemaphore` */
  readonly statusCode?: number | undefined;

  /**
   * Answers a refused request in place of the built-in answer, which logs nothing. `rejection` has `code`, `status`,
   * `headers` and `retryAfterMs`; `next(rejection)` leaves it to the host's error handler. Express's own one logs a
   * stack for each unless its `env` is `test`, so under overload put one before it that does not.
   */
  readonly handler?: ((req: Req, res: Res, next: Next, rejection: SemaphoreError) => unknown) | undefined;

  /** Lets a request pass unlimited when it returns `true`. */
  readonly skip?: ((req: Req) => boolean) | undefined;

  /** Whether `Retry-After` is spread at random, so that those refused together do not come back together. @defaultValue `true` */
  readonly retryJitter?: boolean | undefined;

  /**
   * Refuses and delays nobody, but keeps the limiter's books as if it did: see its `stats()`. What would have been an
   * error is a process warning. @defaultValue `false`
   */
  readonly dryRun?: boolean | undefined;
}

/** What `limit` can be told of a `KeyedSemaphore`. */
export interface KeyedLimitOptions<Req = IncomingMessage, Res = ServerResponse> extends LimitOptions<
  Req,
  Res
> {
  /** Names the user behind a request. Anything but a string is an error: a missing key never passes unlimited. */
  readonly key: (req: Req) => string | undefined | PromiseLike<string | undefined>;
}

/**
 * Middleware that takes a permit before the request goes on, and releases it when the response is over, whichever way:
 * sent, failed, destroyed, or left by its client. A free permit calls `next()` synchronously.
 *
 * A client that leaves while it waits is taken out of the line, and its handler is not called. Behind other requests
 * of one pipelined connection a request waits for its turn before it asks for a permit. The same limiter (and key)
 * taken twice for one request counts once. Errors that are no refusal (a bad key, a bad weight) go to `next(error)`.
 *
 * @throws `TypeError` or `RangeError` for a bad option, naming it and the value.
 *
 * @example
 * ```ts
 * app.use(limit(new Semaphore(100)));
 * app.use(limit(perUser, { key: (req) => req.get('x-api-token') }));
 * ```
 */
export function limit<
  Req extends IncomingMessage = IncomingMessage,
  Res extends ServerResponse = ServerResponse,
>(limiter: Limiter, options?: LimitOptions<Req, Res>): Middleware<Req, Res>;
export function limit<
  Req extends IncomingMessage = IncomingMessage,
  Res extends ServerResponse = ServerResponse,
>(limiter: KeyedSemaphore, options: KeyedLimitOptions<Req, Res>): Middleware<Req, Res>;
export function limit<Req extends IncomingMessage, Res extends ServerResponse>(
  limiter: Limiter | KeyedSemaphore,
  options: LimitOptions<Req, Res> & Partial<KeyedLimitOptions<Req, Res>> = {},
): Middleware<Req, Res> {
  const {
    maxWaitMs = 1_000,
    statusCode,
    handler,
    skip,
    key: keyOf,
    retryJitter = true,
    dryRun = false,
  } = options;
  requireLimiter('limiter', limiter);
  requireDuration('maxWaitMs', maxWaitMs);
  if (statusCode !== undefined) requireStatus(statusCode);
  if (handler !== undefined) requireFunction('handler', handler);
  if (skip !== undefined) requireFunction('skip', skip);
  requireBoolean('retryJitter', retryJitter);
  requireBoolean('dryRun', dryRun);
  const isKeyed = limiter instanceof KeyedSemaphore;
  if (isKeyed) requireFunction('key', keyOf);
  else if (keyOf !== undefined) throw new TypeError('key needs a KeyedSemaphore, got a limiter without keys');

  const gate: Gate = isKeyed ? limiter : withoutKeys(limiter);
  const askFor = askOf(options);

  return dryRun ? observeRequest : limitRequest;

  function limitRequest(req: Req, res: Res, next: Next): void {
    let admitted: boolean | Promise<boolean>;
    try {
      admitted = admit(req, res);
    } catch (error) {
      fail(error, req, res, next);
      return;
    }
    if (admitted === true) next();
    else if (admitted !== false) resume(admitted, req, res, next);
  }

  function observeRequest(req: Req, res: Res, next: Next): void {
    limitRequest(req, res, (error) => {
      if (error === undefined || isSemaphoreError(error)) return;
      warn('WARN_SEMAPHORE_DRY_RUN', 'limit as a dry run', error);
    });
    next();
  }

  /** Whether the request may go on; not if it is over. Only what takes time makes a promise. */
  function admit(req: Req, res: Res): boolean | Promise<boolean> {
    if (skip !== undefined && requireBoolean('what skip returns', skip(req))) return true;
    const exchange = Exchange.of(req, res);
    if (exchange.isOver) return false;
    const ask = askFor(req);
    const key = keyOf === undefined ? '' : keyOf(req);
    if (isPromiseLike(key) || isBehindOthers(res)) return wait(exchange, key, ask, req, res);
    requireString('key', key);
    if (exchange.permit(limiter, key) !== undefined) return true;
    const permit = gate.tryAcquire(key, ask);
    if (permit === undefined) return wait(exchange, key, ask, req, res);
    exchange.keep(limiter, key, permit);
    return true;
  }

  /** Everything that takes time: the key, the turn on a pipelined connection, the line. */
  async function wait(
    exchange: Exchange,
    asyncKey: ReturnType<typeof keyOf & {}>,
    ask: TryAcquireOptions | undefined,
    req: Req,
    res: Res,
  ): Promise<boolean> {
    const key = isPromiseLike(asyncKey) ? await asyncKey : asyncKey;
    requireString('key', key);
    if (isBehindOthers(res)) await turnOf(req, res);
    if (!exchange.isOver && exchange.permit(limiter, key) === undefined) {
      await exchange.wait(limiter, key, (signal) => gate.acquire(key, { ...ask, maxWaitMs, signal }));
    }
    return !exchange.isOver;
  }

  /** Goes on in the request's own async context, whoever's release it was that ended the wait. */
  function resume(admitted: Promise<boolean>, req: Req, res: Res, next: Next): void {
    admitted
      .then(
        (mayPass) => {
          if (mayPass) next();
        },
        (error: unknown) => {
          fail(error, req, res, next);
        },
      )
      .catch((thrown: unknown) => {
        passError(next, thrown);
      });
  }

  function fail(error: unknown, req: Req, res: Res, next: Next): void {
    if (Exchange.find(res)?.isOver === true) return;
    if (dryRun || !isSemaphoreError(error)) {
      passError(next, error);
      return;
    }
    Exchange.find(res)?.refuse();
    if (retryJitter) error.retryAfterMs = jittered(error.retryAfterMs);
    error.status = statusCode ?? (isKeyed && isOfOneKey(error) ? 429 : 503);
    if (handler !== undefined) passRejection(next, handler(req, res, next, error));
    else if (res.headersSent) next(error);
    else answerRejection(res, error);
  }
}

/** Both kinds of limiter behind one shape. */
interface Gate {
  tryAcquire(key: string, options?: TryAcquireOptions): Permit | undefined;
  acquire(key: string, options?: AcquireOptions): Promise<Permit>;
}

function withoutKeys(limiter: Limiter): Gate {
  return {
    tryAcquire: (_key, options) => limiter.tryAcquire(options),
    acquire: (_key, options) => limiter.acquire(options),
  };
}

/** Whether one user has too much running, rather than all of them together. */
function isOfOneKey({ code }: SemaphoreError): boolean {
  return code !== 'ERR_SEMAPHORE_CLOSED' && code !== 'ERR_SEMAPHORE_KEY_LIMIT';
}

function requireStatus(statusCode: unknown): void {
  requireInteger('statusCode', statusCode, 400);
  if (statusCode > 599) throw new RangeError(`statusCode must be 400 to 599, got ${statusCode}`);
}
