import type { ServerResponse } from 'node:http';
import type { Limiter, Permit } from '../core/limiter.js';
import { requireObject } from '../internal/validate.js';
import type { KeyedSemaphore } from '../keyed/keyed-semaphore.js';
import { Exchange } from './exchange.js';

/**
 * The permit that `limit` took for this response: the last one, or the last one of `limiter`.
 * `undefined` when there is none, because the request was skipped or is not limited.
 *
 * @throws `TypeError` for a response that is no object.
 *
 * @example
 * ```ts
 * import express from 'express';
 * import { limit, permitOf, Semaphore } from 'express-semaphore';
 *
 * const app = express();
 * app.post('/export', limit(new Semaphore(1)), (_req, res) => {
 *   permitOf(res)?.hold(writeExport()); // counts until the export is written, though the answer leaves now
 *   res.status(202).end();
 * });
 *
 * async function writeExport() {}
 * ```
 */
export function permitOf(res: ServerResponse, limiter?: Limiter | KeyedSemaphore): Permit | undefined {
  requireObject('res', res);
  return Exchange.find(res)?.permit(limiter);
}
