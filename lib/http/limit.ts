import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Limiter } from '../core/limiter.js';
import type { KeyedSemaphore } from '../keyed/keyed-semaphore.js';
import { createMiddleware } from './middleware.js';
import type { KeyedLimitOptions, LimitOptions, Middleware } from './limit-options.js';
import type { Next } from './next.js';

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
 * import express from 'express';
 * import type { Request } from 'express';
 * import { KeyedSemaphore, limit, Semaphore } from 'express-semaphore';
 * import type { KeyedLimitOptions, LimitOptions, Middleware } from 'express-semaphore';
 *
 * const options: LimitOptions = { maxWaitMs: 500, skip: (req) => req.url === '/health' };
 * const byToken: KeyedLimitOptions<Request> = { key: (req) => req.get('x-api-token') };
 *
 * const forAll: Middleware = limit(new Semaphore(100, { queueLimit: 200 }), options);
 * const app = express();
 * app.use(forAll);
 * app.use(limit(new KeyedSemaphore(() => new Semaphore(2)), byToken));
 * ```
 */
export function limit<
  Req extends IncomingMessage = IncomingMessage,
  Res extends ServerResponse = ServerResponse,
>(limiter: KeyedSemaphore, options: KeyedLimitOptions<Req, Res>): Middleware<Req, Res>;
export function limit<
  Req extends IncomingMessage = IncomingMessage,
  Res extends ServerResponse = ServerResponse,
>(limiter: Limiter, options?: LimitOptions<Req, Res>): Middleware<Req, Res>;
export function limit<Req extends IncomingMessage, Res extends ServerResponse>(
  limiter: Limiter | KeyedSemaphore,
  options?: LimitOptions<Req, Res>,
): Middleware<Req, Res> {
  return createMiddleware(limiter, options, passOn);
}

function passOn(_req: unknown, _res: unknown, next: Next): void {
  next();
}
