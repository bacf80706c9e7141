import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Limiter } from '../core/limiter.js';
import { requireObject } from '../internal/validate.js';
import type { KeyedLimiter } from '../keyed/key-limiter.js';
import { createMiddleware } from './middleware.js';
import type {
  HostRequest,
  HostResponse,
  LimitOptions,
  Middleware,
  OptionsFor,
  PlainRequest,
} from './limit-options.js';

/**
 * Middleware that acquires a permit before it passes a request on. The permit is released when the response is over: sent,
 * failed, destroyed, or the client has left. With a free permit `next()` is called synchronously.
 *
 * - A queued request whose client leaves is dequeued, and its handler is not called.
 * - A pipelined request waits for the turn of its response before it acquires.
 * - The same limiter (and key) mounted twice for one request acquires one permit.
 * - An error that is no rejection, such as a bad key or weight, goes to `next(error)`.
 *
 * @param limiter - Grants the permits: a `Semaphore` or another limiter, or a `KeyedSemaphore` with the option `key`.
 * @param options - How long a request waits, what it weighs, and how a rejection is answered.
 *
 * @throws `TypeError` or `RangeError` for a bad option, naming the option and the value.
 *
 * @example
 * ```ts
 * import express from 'express';
 * import { limit, Semaphore } from 'express-semaphore';
 *
 * const api = new Semaphore(100, { queueLimit: 200 });
 * express().use(limit(api, { maxWaitMs: 500, skip: (req) => req.path === '/health' }));
 * ```
 */
export function limit<
  Req extends IncomingMessage = HostRequest,
  Res extends ServerResponse = HostResponse,
  One extends Limiter | KeyedLimiter = Limiter | KeyedLimiter,
>(limiter: One, ...[options]: OptionsFor<One, Req, Res>): Middleware<Req | PlainRequest<Req>, Res> {
  return createMiddleware<Req, Res>('limit', limiter, options) as Middleware<Req | PlainRequest<Req>, Res>;
}

/** A `limit` with shared options, for requests and responses of these types. */
export type LimitWithDefaults<Req, Res> = <One extends Limiter | KeyedLimiter>(
  limiter: One,
  ...options: OptionsFor<One, Req, Res>
) => Middleware<Req, Res>;

/**
 * Returns a `limit` that shares these options. An option of a single call replaces the shared one.
 *
 * It also sets the types of requests and responses: `limit.defaults<express.Request>({})`.
 *
 * @param defaults - Options of each call, apart from `key`.
 */
limit.defaults = function withDefaults<
  Req extends IncomingMessage = HostRequest,
  Res extends ServerResponse = HostResponse,
>(defaults: LimitOptions<Req, Res>): LimitWithDefaults<Req, Res> {
  requireObject('defaults', defaults);
  return (limiter, ...[options = {}]) => {
    requireObject('options', options);
    const given = Object.entries(options).filter(([, value]) => value !== undefined);
    return createMiddleware('limit', limiter, { ...defaults, ...Object.fromEntries(given) });
  };
};
