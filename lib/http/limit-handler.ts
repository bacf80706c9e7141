import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Limiter } from '../core/limiter.js';
import { isPromiseLike } from '../core/permit.js';
import { requireFunction } from '../internal/validate.js';
import type { KeyedSemaphore } from '../keyed/keyed-semaphore.js';
import { createMiddleware } from './middleware.js';
import type { KeyedLimitOptions, LimitOptions, Middleware } from './limit-options.js';
import type { Next } from './next.js';

/**
 * `limit` around one handler: the permit is released when the response is over and the handler's promise has settled.
 * So a handler that works on after its client has left still counts. A rejection goes to `next(error)`.
 *
 * A promise that never settles keeps its permit for ever: give what the handler waits for a time limit.
 *
 * @example
 * ```ts
 * import express from 'express';
 * import type { Request, Response } from 'express';
 * import { limitHandler, Semaphore } from 'express-semaphore';
 *
 * const reports = new Semaphore(3, { queueLimit: 50 });
 * const app = express();
 * app.get(
 *   '/report',
 *   limitHandler(reports, async (_req: Request, res: Response) => {
 *     res.json(await makeReport()); // counts until it is made, though the client may leave before
 *   }),
 * );
 *
 * async function makeReport() {
 *   return { rows: 7 };
 * }
 * ```
 */
export function limitHandler<
  Req extends IncomingMessage = IncomingMessage,
  Res extends ServerResponse = ServerResponse,
>(
  limiter: KeyedSemaphore,
  handler: (req: Req, res: Res, next: Next) => unknown,
  options: KeyedLimitOptions<Req, Res>,
): Middleware<Req, Res>;
export function limitHandler<
  Req extends IncomingMessage = IncomingMessage,
  Res extends ServerResponse = ServerResponse,
>(
  limiter: Limiter,
  handler: (req: Req, res: Res, next: Next) => unknown,
  options?: LimitOptions<Req, Res>,
): Middleware<Req, Res>;
export function limitHandler<Req extends IncomingMessage, Res extends ServerResponse>(
  limiter: Limiter | KeyedSemaphore,
  handler: (req: Req, res: Res, next: Next) => unknown,
  options?: LimitOptions<Req, Res>,
): Middleware<Req, Res> {
  requireFunction('handler', handler);
  return createMiddleware(limiter, options, serve);

  /** A query builder may run its query each time that its `then` is called, so that is called once. */
  function serve(req: Req, res: Res, next: Next): unknown {
    const work = handler(req, res, next);
    return isPromiseLike(work) ? Promise.resolve(work) : work;
  }
}
