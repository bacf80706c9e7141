import type { IncomingMessage, ServerResponse } from 'node:http';
import { permitOf } from '../http/exchange.js';
import type { Middleware, Next } from '../http/limit-options.js';
import { passError } from '../http/middleware.js';
import { readOptions } from '../internal/options.js';
import { requireBoolean, requireFunction, requireNoRequest } from '../internal/validate.js';
import { requireLimiters } from '../keyed/limiters.js';
import type { Limiters } from '../keyed/limiters.js';
import { isLocalDevelopment } from './access.js';
import type { Authorize } from './access.js';
import { answerJson, answerPage, answerText } from './answer.js';
import { FrameStream } from './frame-stream.js';
import { FrameReader } from './read-frame.js';

/** Options of `dashboard`. */
export interface DashboardOptions<
  Req extends IncomingMessage = IncomingMessage,
  Res extends ServerResponse = ServerResponse,
> {
  /**
   * Decides whether the sender of a request may see the dashboard. It returns `true` or `false`, or a promise of one. Any
   * other value is an error, never a pass.
   *
   * An open page sends a new request every 5 seconds, so a viewer whose right is revoked is cut off within that time. A
   * rejected request is answered with 401 if `authorize` has set the header `WWW-Authenticate`, otherwise with 403.
   *
   * @defaultValue everybody at a `Host` of this machine while `NODE_ENV` is `development`, otherwise nobody
   */
  readonly authorize?: Authorize<Req, Res> | undefined;

  /** Returns the text that is shown for a key, for example a hash. @defaultValue the key itself */
  readonly maskKey?: ((key: string) => string) | undefined;
}

/**
 * Middleware that serves a live page of the limiters, read-only. Mount it at a path of its own, before `limit`.
 *
 * Each limiter appears under its name in `limiters`. The object is read again for every frame, so an entry may be
 * replaced. An open page holds no permit of the limiters that it shows. At most 100 pages can be open at once. Open
 * pages do not keep a server from closing.
 *
 * @param limiters - The limiters to show: an object as in `{ api }`, or a list.
 * @param options - Who may see the page, and how keys appear.
 *
 * @throws `TypeError` or `RangeError` for a bad option.
 *
 * @example
 * ```ts
 * import express from 'express';
 * import { limit, Semaphore } from 'express-semaphore';
 * import { basicAuth, dashboard } from 'express-semaphore/dashboard';
 *
 * const api = new Semaphore(100, { queueLimit: 200 });
 * const app = express();
 * app.use('/limits', dashboard({ api }, { authorize: basicAuth('admin', process.env.DASHBOARD_PASSWORD) }));
 * app.use(limit(api));
 * ```
 */
export function dashboard<
  Req extends IncomingMessage = IncomingMessage,
  Res extends ServerResponse = ServerResponse,
>(limiters: Limiters, options: DashboardOptions<Req, Res> = {}): Middleware<Req, Res> {
  requireNoRequest('dashboard', limiters, 'as in app.use(dashboard({ api }))');
  const { authorize = isLocalDevelopment, maskKey } = readOptions('dashboard', options, {
    authorize: requireFunction,
    maskKey: requireFunction,
  });
  requireLimiters(limiters);

  const reader = new FrameReader(limiters, maskKey);
  const stream = new FrameStream(() => reader.read());

  return function showLimiters(req, res, next) {
    answer(req, res, next).catch((error: unknown) => {
      passError(next, error);
    });
  };

  async function answer(req: Req, res: Res, next: Next): Promise<void> {
    if (!requireBoolean('what authorize returns', await authorize(req, res))) {
      const status = res.hasHeader('WWW-Authenticate') ? 401 : 403;
      const text = authorize === isLocalDevelopment ? CLOSED : 'You may not see this page.\n';
      answerText(req, res, status, text);
      return;
    }
    const [path = '/'] = (req.url ?? '/').split('?', 1);
    const isRead = req.method === 'GET' || req.method === 'HEAD';
    if (path === '/' && isRead) answerPage(req, res);
    else if (path === '/history' && isRead) answerJson(req, res, stream.history);
    else if (path === '/events' && req.method === 'GET') openStream(req, res);
    else next();
  }

  /** A stream must not use a permit of a limiter that it shows. Everything else keeps its permit until it is answered. */
  function openStream(req: Req, res: Res): void {
    if (stream.isFull) {
      answerText(req, res, 503, 'Too many pages are open.\n', { 'Retry-After': '5' });
      return;
    }
    for (const limiter of Object.values(limiters)) permitOf(res, limiter)?.release('ignore');
    stream.open(req, res);
  }
}

const CLOSED =
  'The dashboard is closed. Give it authorize(req), or set NODE_ENV=development and open it at localhost.\n';
