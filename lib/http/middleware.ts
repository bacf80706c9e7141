import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AcquireOptions, Limiter, Permit, TryAcquireOptions } from '../core/limiter.js';
import { isPromiseLike } from '../core/permit.js';
import {
  requireBoolean,
  requireDuration,
  requireFunction,
  requireInteger,
  requireLimiter,
  requireOptions,
  requireString,
} from '../internal/validate.js';
import { warn, warnOfUnknown } from '../internal/warn.js';
import { isSemaphoreError, retryAfterSeconds, withoutStacks } from '../errors.js';
import { isKeyed } from '../keyed/keyed-semaphore.js';
import type { KeyedSemaphore } from '../keyed/keyed-semaphore.js';
import { readAcquireOptions } from './ask.js';
import { Exchange } from './exchange.js';
import { warnOfMisuse } from './hazards.js';
import type { KeyedLimitOptions, LimitOptions, Middleware } from './limit-options.js';
import { passError, passRejection } from './next.js';
import type { Next } from './next.js';
import { isPipelined, waitForTurn } from './pipeline.js';
import { answerRejection } from './rejection.js';

/** The middleware behind `limit` and `limitHandler`: it calls `serve` under a permit, which a promise from there holds. */
export function createMiddleware<Req extends IncomingMessage, Res extends ServerResponse>(
  limiter: Limiter | KeyedSemaphore,
  options: LimitOptions<Req, Res> & Partial<KeyedLimitOptions<Req, Res>> = {},
  serve: (req: Req, res: Res, next: Next) => unknown,
): Middleware<Req, Res> {
  requireOptions(options);
  const {
    maxWaitMs = 1_000,
    statusCode,
    onRejected: handler,
    skip,
    key: keyOf,
    retryJitter = true,
    dryRun = false,
    weight,
    priority,
    flow,
    ...unknown
  } = options;
  warnOfUnknown('limit', unknown);
  requireLimiter('limiter', limiter);
  requireDuration('maxWaitMs', maxWaitMs);
  if (statusCode !== undefined) requireInteger('statusCode', statusCode, 400, 599);
  if (handler !== undefined) requireFunction('handler', handler);
  if (skip !== undefined) requireFunction('skip', skip);
  requireBoolean('retryJitter', retryJitter);
  requireBoolean('dryRun', dryRun);
  if (isKeyed(limiter)) requireFunction('key', keyOf);
  else if (keyOf !== undefined) throw new TypeError('key needs a KeyedSemaphore, got a limiter without keys');

  const gate: Gate = isKeyed(limiter) ? limiter : withoutKeys(limiter);
  const askFor = readAcquireOptions({ weight, priority, flow });
  warnOfMisuse(limiter, maxWaitMs);

  return dryRun ? observeRequest : limitRequest;

  function limitRequest(req: Req, res: Res, next: Next): void {
    let admission: Admission | Promise<Admission>;
    try {
      admission = admit(req, res);
    } catch (error) {
      fail(error, req, res, next);
      return;
    }
    if (admission instanceof Promise) resume(admission, req, res, next);
    else enter(admission, req, res, next);
  }

  function observeRequest(req: Req, res: Res, next: Next): void {
    let admission: Admission | Promise<Admission> = 'over';
    try {
      admission = admit(req, res);
      if (admission instanceof Promise) {
        admission.catch((error: unknown) => {
          fail(error, req, res, warnOfFault);
        });
      }
    } catch (error) {
      fail(error, req, res, warnOfFault);
    }
    const work = serve(req, res, next);
    if (!isPromiseLike(work)) return;
    if (admission instanceof Promise) {
      admission.then(
        (late) => {
          holdFor(work, late);
        },
        () => undefined,
      );
    } else holdFor(work, admission);
    passRejection(next, work);
  }

  /** Only what takes time makes a promise. */
  function admit(req: Req, res: Res): Admission | Promise<Admission> {
    if (skip !== undefined && requireBoolean('what skip returns', skip(req))) return 'skipped';
    const exchange = Exchange.of(req, res);
    if (exchange.isOver) return 'over';
    const ask = askFor(req);
    const key = keyOf === undefined ? '' : keyOf(req);
    if (isPromiseLike(key) || isPipelined(res)) return awaitKeyAndTurn(exchange, key, ask, req, res);
    requireString('what key returns', key);
    const taken = exchange.permit(limiter, key);
    if (taken !== undefined) return taken;
    const permit = gate.tryAcquire(key, ask);
    return permit === undefined ? enqueue(exchange, key, ask) : exchange.keep(limiter, key, permit);
  }

  /** What may take time before the line: the key, and the turn on a pipelined connection. */
  async function awaitKeyAndTurn(
    exchange: Exchange,
    asyncKey: ReturnType<typeof keyOf & {}>,
    ask: TryAcquireOptions | undefined,
    req: Req,
    res: Res,
  ): Promise<Admission> {
    const key = isPromiseLike(asyncKey) ? await asyncKey : asyncKey;
    requireString('what key returns', key);
    if (isPipelined(res)) await waitForTurn(req, res);
    if (exchange.isOver) return 'over';
    return exchange.permit(limiter, key) ?? enqueue(exchange, key, ask);
  }

  /** Stands in line, or is refused at once. */
  function enqueue(exchange: Exchange, key: string, ask: TryAcquireOptions | undefined): Promise<Admission> {
    const options = { ...ask, maxWaitMs, signal: exchange.signal };
    return exchange.wait(
      limiter,
      key,
      withoutStacks(() => gate.acquire(key, options)),
    );
  }

  /** Goes on in the request's own async context, whoever's release it was that ended the wait. */
  function resume(admission: Promise<Admission>, req: Req, res: Res, next: Next): void {
    admission
      .then(
        (admitted) => {
          enter(admitted, req, res, next);
        },
        (error: unknown) => {
          fail(error, req, res, next);
        },
      )
      .catch((thrown: unknown) => {
        passError(next, thrown);
      });
  }

  function enter(admission: Admission, req: Req, res: Res, next: Next): void {
    if (admission === 'over') return;
    const work = serve(req, res, next);
    if (!isPromiseLike(work)) return;
    holdFor(work, admission);
    passRejection(next, work);
  }

  function fail(error: unknown, req: Req, res: Res, next: Next): void {
    if (Exchange.find(res)?.isOver === true) return;
    if (dryRun || !isSemaphoreError(error)) {
      passError(next, error);
      return;
    }
    Exchange.find(res)?.reject();
    const seconds = retryAfterSeconds(error.retryAfterMs, retryJitter ? Math.random() : 0);
    if (handler !== undefined) passRejection(next, handler(req, res, next, error));
    else if (!res.headersSent) answerRejection(res, error, statusCode ?? error.status, seconds);
    // One that has been ended needs no other answer, and the host's error handler would cut it off.
    else if (!res.writableEnded) next(error);
  }
}

/** What becomes of a request: it has a permit, or needs none, or nobody waits for its answer any more. */
type Admission = Permit | 'skipped' | 'over';

function holdFor(work: PromiseLike<unknown>, admission: Admission): void {
  if (typeof admission === 'object') admission.hold(work);
}

/** A dry run keeps quiet about refusals, which are in the books, and tells of what would be an error. */
function warnOfFault(error: unknown): void {
  if (!isSemaphoreError(error)) warn('WARN_SEMAPHORE_DRY_RUN', 'limit as a dry run', error);
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
