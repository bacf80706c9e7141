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
import { Exchange } from './exchange.js';
import { isBehindOthers, turnOf } from './pipeline.js';
import { answerRejection } from './rejection.js';

/** Passes the request on, or with an error to the host's error handler. */
export type Next = (error?: unknown) => void;

/** The shape of middleware that Express, Connect and everything like them take. */
export type Middleware<Req = IncomingMessage, Res = ServerResponse> = (
  req: Req,
  res: Res,
  next: Next,
) => void;

/** What `limit` can be told. */
export interface LimitOptions<Req = IncomingMessage, Res = ServerResponse> {
  /** Longest wait for a permit, in milliseconds; 0 means: do not queue. @defaultValue `1_000` */
  readonly maxWaitMs?: number | undefined;

  /** Status of a refusal. @defaultValue `503`; `429` with a `KeyedSemaphore` */
  readonly statusCode?: number | undefined;

  /**
   * Answers a refused request in place of the built-in answer. `rejection` has `code`, `status`, `headers` and
   * `retryAfterMs`; `next(rejection)` leaves it to the host's error handler.
   */
  readonly handler?: ((req: Req, res: Res, next: Next, rejection: SemaphoreError) => void) | undefined;

  /** Lets a request pass unlimited when it returns `true`. */
  readonly skip?: ((req: Req) => boolean) | undefined;

  /** Permits that a request takes. @defaultValue `1` */
  readonly weight?: number | ((req: Req) => number) | undefined;

  /** Refuses and delays nobody, but keeps the limiter's books as if it did: see its `stats()`. @defaultValue `false` */
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
  const { maxWaitMs = 1_000, statusCode, handler, skip, weight, key: keyOf, dryRun = false } = options;
  requireLimiter('limiter', limiter);
  requireDuration('maxWaitMs', maxWaitMs);
  if (statusCode !== undefined) requireStatus(statusCode);
  if (handler !== undefined) requireFunction('handler', handler);
  if (skip !== undefined) requireFunction('skip', skip);
  if (typeof weight !== 'function' && weight !== undefined) requireInteger('weight', weight, 1);
  requireBoolean('dryRun', dryRun);
  const isKeyed = limiter instanceof KeyedSemaphore;
  if (isKeyed) requireFunction('key', keyOf);
  else if (keyOf !== undefined) throw new TypeError('key needs a KeyedSemaphore, got a limiter without keys');

  const gate: Gate = isKeyed ? limiter : withoutKeys(limiter);
  const fixedAsk = typeof weight === 'number' ? { weight } : undefined;

  return function limitRequest(req, res, next) {
    let exchange: Exchange;
    let key: ReturnType<typeof keyOf & {}>;
    let ask: TryAcquireOptions | undefined;
    let mayPass: boolean;
    try {
      exchange = Exchange.of(req, res);
      mayPass = skip !== undefined && requireBoolean('what skip returns', skip(req));
      if (!mayPass) {
        if (exchange.isOver) return;
        key = keyOf === undefined ? '' : keyOf(req);
        ask = typeof weight === 'function' ? { weight: weight(req) } : fixedAsk;
        mayPass = !isPromiseLike(key) && !isBehindOthers(req, res) && enter(exchange, key, ask);
      }
    } catch (error) {
      fail(error, req, res, next);
      if (dryRun) next();
      return;
    }
    if (mayPass) {
      next();
      return;
    }
    void queue(exchange, key, ask, req, res, next);
    if (dryRun) next();
  };

  /** Takes a permit, unless this request has it already, if that needs no wait. */
  function enter(exchange: Exchange, key: string | undefined, ask: TryAcquireOptions | undefined): boolean {
    requireString('key', key);
    if (exchange.permit(limiter, key) !== undefined) return true;
    const permit = gate.tryAcquire(key, ask);
    if (permit === undefined) return false;
    exchange.keep(limiter, key, permit);
    return true;
  }

  /** Everything that takes time: the key, the turn on a pipelined connection, the line. Resumes in its own async context. */
  async function queue(
    exchange: Exchange,
    asyncKey: ReturnType<typeof keyOf & {}>,
    ask: TryAcquireOptions | undefined,
    req: Req,
    res: Res,
    next: Next,
  ): Promise<void> {
    try {
      const key = isPromiseLike(asyncKey) ? await asyncKey : asyncKey;
      requireString('key', key);
      if (isBehindOthers(req, res)) await turnOf(req, res);
      if (exchange.isOver) return;
      if (exchange.permit(limiter, key) === undefined) {
        exchange.keep(limiter, key, await gate.acquire(key, { ...ask, maxWaitMs, signal: exchange.signal }));
        // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- it may have ended during the wait
        if (exchange.isOver) return;
      }
    } catch (error) {
      if (!exchange.isOver) fail(error, req, res, next);
      return;
    }
    if (dryRun) return;
    try {
      next();
    } catch (error) {
      next(error);
    }
  }

  function fail(error: unknown, req: Req, res: Res, next: Next): void {
    if (!isSemaphoreError(error)) {
      if (dryRun) warn('WARN_SEMAPHORE_DRY_RUN', 'limit as a dry run', error);
      else next(error);
      return;
    }
    if (dryRun) return;
    error.status = statusCode ?? (isKeyed && isOfOneKey(error) ? 429 : 503);
    if (handler !== undefined) handler(req, res, next, error);
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
