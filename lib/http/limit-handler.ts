import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Limiter } from '../core/limiter.js';
import { isPromiseLike } from '../core/permit.js';
import { requireFunction } from '../internal/validate.js';
import type { KeyedLimiter } from '../keyed/key-limiter.js';
import { createMiddleware } from './middleware.js';
import type {
  HandlerRequest,
  HandlerResponse,
  Middleware,
  Next,
  OptionsFor,
  PlainRequest,
} from './limit-options.js';

/**
 * `limit` around one handler. The permit is released when the response is over and the handler's promise has settled. A
 * handler that works on after its client has left still counts. A rejected promise goes to `next(error)`.
 *
 * A promise that never settles holds its permit for ever: give the handler's own waits a time limit.
 *
 * @param limiter - Grants the permits: a `Semaphore` or another limiter, or a `KeyedSemaphore` with the option `key`.
 * @param handler - Serves a request that has a permit.
 * @param options - The options of `limit`.
 *
 * @throws `TypeError` or `RangeError` for a bad option, naming the option and the value.
 *
 * @example
 * ```ts
 * import express from 'express';
 * import type { Request, Response } from 'express';
 * import { limitHandler, Semaphore } from 'express-semaphore';
 *
 * const reports = new Semaphore(3, { queueLimit: 50 });
 * const report = async (_req: Request, res: Response) => res.json(await makeReport());
 * express().get('/report', limitHandler(reports, report));
 *
 * const makeReport = async () => ({ rows: 7 });
 * ```
 */
export function limitHandler<
  Req extends IncomingMessage = HandlerRequest,
  Res extends ServerResponse = HandlerResponse,
  One extends Limiter | KeyedLimiter = Limiter | KeyedLimiter,
>(
  limiter: One,
  handler: (req: Req, res: Res, next: Next) => unknown,
  ...[options]: OptionsFor<One, Req, Res>
): Middleware<Req | PlainRequest<Req>, Res> {
  const middleware = createMiddleware<Req, Res>('limitHandler', limiter, options, serve);
  requireFunction('handler', handler);
  return middleware as Middleware<Req | PlainRequest<Req>, Res>;

  /** Calls `then` once: a query builder may run its query at each call. */
  function serve(req: Req, res: Res, next: Next): unknown {
    const work = handler(req, res, next);
    return isPromiseLike(work) ? Promise.resolve(work) : work;
  }
}
