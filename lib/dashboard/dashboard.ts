import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Limiter } from '../core/limiter.js';
import {
  describe,
  isLimiter,
  requireBoolean,
  requireFunction,
  requireLimiter,
  requireObject,
  requireOptions,
} from '../internal/validate.js';
import { warnOfUnknown } from '../internal/warn.js';
import type { Middleware } from '../http/limit-options.js';
import { passError } from '../http/next.js';
import type { Next } from '../http/next.js';
import { permitOf } from '../http/permit-of.js';
import type { KeyedSemaphore } from '../keyed/keyed-semaphore.js';
import { answerDone, answerPage, answerText } from './answer.js';
import { requireControl, changeControl } from './control.js';
import type { Control } from './control.js';
import { FrameStream } from './frame-stream.js';
import { readFrame } from './read-frame.js';

/** What `dashboard` can be told. */
export interface DashboardOptions<Req = IncomingMessage> {
  /**
   * Says who may see the page and use its controls. Anything but `true` or `false` is an error.
   * @defaultValue everybody while `NODE_ENV` is `development`, else nobody
   */
  readonly authorize?: ((req: Req) => boolean | PromiseLike<boolean>) | undefined;

  /** What is shown in place of a key, such as a hash of it. @defaultValue the key itself */
  readonly maskKey?: ((key: string) => string) | undefined;

  /** What viewers can change, press or read at the head of the page, each under a name of your own. @defaultValue none */
  readonly controls?: Readonly<Record<string, Control>> | undefined;
}

/**
 * Middleware that shows limiters at work, live, on one page: mount it at a path of its own. Each limiter appears under
 * its name in `limiters`, which is read anew for every frame, so that a limiter in it may be replaced.
 *
 * Mount it before `limit`: behind one that is full it could not be opened. What `limit` took for it from a limiter shown
 * it gives back at once. Its streams end by themselves once `server.close()` has been called.
 *
 * @throws `TypeError` or `RangeError` for a bad option, naming it and the value.
 *
 * @example
 * ```ts
 * import express from 'express';
 * import type { Request } from 'express';
 * import { KeyedSemaphore, limit, Semaphore } from 'express-semaphore';
 * import { dashboard } from 'express-semaphore/dashboard';
 * import type { DashboardOptions } from 'express-semaphore/dashboard';
 *
 * const api = new Semaphore(100, { queueLimit: 200 });
 * const perUser = new KeyedSemaphore(() => new Semaphore(2));
 * const options: DashboardOptions<Request> = {
 *   authorize: (req) => req.get('x-admin-token') === process.env.ADMIN_TOKEN,
 *   maskKey: (key) => `${key.slice(0, 2)}...`,
 * };
 *
 * const app = express();
 * app.use('/limits', dashboard({ api, perUser }, options)); // before the limit
 * app.use(limit(api));
 * ```
 */
export function dashboard<
  Req extends IncomingMessage = IncomingMessage,
  Res extends ServerResponse = ServerResponse,
>(
  limiters: Readonly<Record<string, Limiter | KeyedSemaphore>>,
  options: DashboardOptions<Req> = {},
): Middleware<Req, Res> {
  requireOptions(options);
  const { authorize = isDevelopment, maskKey, controls = {}, ...unknown } = options;
  warnOfUnknown('dashboard', unknown);
  requireObject('limiters', limiters);
  if (isLimiter(limiters))
    throw new TypeError('limiters must name each limiter, as in { api }, got a limiter');
  for (const [name, limiter] of Object.entries(limiters)) requireLimiter(`limiters.${name}`, limiter);
  requireFunction('authorize', authorize);
  if (maskKey !== undefined) requireFunction('maskKey', maskKey);
  requireObject('controls', controls);
  for (const [id, control] of Object.entries(controls)) requireControl(`controls.${id}`, control);

  const stream = new FrameStream(() => readFrame({ limiters, controls, maskKey }));

  return function showLimiters(req, res, next) {
    answer(req, res, next).catch((error: unknown) => {
      passError(next, error);
    });
  };

  async function answer(req: Req, res: Res, next: Next): Promise<void> {
    // A stream that counted would be one fewer for those whom it shows.
    for (const limiter of Object.values(limiters)) permitOf(res, limiter)?.release('ignore');
    if (!requireBoolean('what authorize returns', await authorize(req))) {
      answerText(res, 403, authorize === isDevelopment ? CLOSED : 'You may not see this.\n');
      return;
    }
    const [path = '/', query = ''] = (req.url ?? '/').split('?', 2);
    const isRead = req.method === 'GET' || req.method === 'HEAD';
    if (path === '/' && isRead) answerPage(req, res);
    else if (path === '/events' && req.method === 'GET') stream.open(req, res);
    else if (path === '/controls' && req.method === 'PUT') use(req, res, new URLSearchParams(query));
    else next();
  }

  /** A form of another site cannot PUT, and its script is not let to; a browser tells where the request comes from, too. */
  function use(req: Req, res: Res, ask: URLSearchParams): void {
    const site = req.headers['sec-fetch-site'] ?? 'same-origin';
    const id = ask.get('id') ?? '';
    const control = Object.hasOwn(controls, id) ? controls[id] : undefined;
    if (site !== 'same-origin') answerText(res, 403, 'Controls are for the page itself.\n');
    else if (control === undefined) answerText(res, 404, `No control is called ${describe(id)}.\n`);
    else if (changeControl(control, ask.get('value') ?? '')) answerDone(res);
    else answerText(res, 400, `${control.label} cannot be ${describe(ask.get('value'))}.\n`);
  }
}

function isDevelopment(): boolean {
  return process.env['NODE_ENV'] === 'development';
}

const CLOSED =
  'The dashboard is closed: set NODE_ENV=development, or give it authorize(req) to say who may see it.\n';
