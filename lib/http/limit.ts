import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Limiter } from '../core/limiter.js';
import type { KeyedLimiter } from '../keyed/key-limiter.js';
import { createMiddleware } from './middleware.js';
import type { KeyedLimitOptions, LimitOptions, Middleware, Next } from './limit-options.js';

/**
 * Middleware that acquires a permit before it passes a request on. The permit is released when the response is over: sent,
 * failed, destroyed, or the client has left. With a free permit `next()` is called synchronously.
 *
 * - A queued request whose client leaves is dequeued, and its handler is not called.
 * - A pipelined request waits for the turn of its response before it acquires.
 * - The same limiter (and key) mounted twice for one request acquires one permit.
 * - An error that is no rejection, such as a bad key or weight, goes to `next(error)`.
 *
 * @throws `TypeError` or `RangeError` for a bad option, naming the option and the value.
 *
 * @example
 * ```ts
 * import express from 'express';
 * import { limit, Semaphore } from 'express-semaphore';
 *
 * const api = new Semaphore(100, { queueLimit: 200 });
 * express().use(limit(api, { maxWaitMs: 500, skip: (req) => req.url === '/health' }));
 * ```
 */
export function limit<
  Req extends IncomingMessage = IncomingMessage,
  Res extends ServerResponse = ServerResponse,
>(limiter: KeyedLimiter, options: KeyedLimitOptions<Req, Res>): Middleware<Req, Res>;
export function limit<
  Req extends IncomingMessage = IncomingMessage,
  Res extends ServerResponse = ServerResponse,
>(limiter: Limiter, options?: LimitOptions<Req, Res>): Middleware<Req, Res>;
export function limit<Req extends IncomingMessage, Res extends ServerResponse>(
  limiter: Limiter | KeyedLimiter,
  options?: LimitOptions<Req, Res>,
): Middleware<Req, Res> {
  return createMiddleware('limit', limiter, options, passOn);
}

function passOn(_req: unknown, _res: unknown, next: Next): void {
  next();
}
