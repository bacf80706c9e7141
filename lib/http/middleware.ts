import type { IncomingMessage, ServerResponse } from 'node:http';
import { holdLimitOf } from '../core/hold-limit.js';
import type { Limiter, Permit } from '../core/limiter.js';
import { isPromiseLike } from '../core/permit.js';
import { describe, requireBoolean, requireFunction, requireObject } from '../internal/validate.js';
import { warnFirst } from '../internal/warn.js';
import { isSemaphoreError } from '../errors.js';
import type { SemaphoreError } from '../errors.js';
import type { KeyedLimiter } from '../keyed/key-limiter.js';
import { createAdmission, requireLimiterOf } from './admission.js';
import type { AdmissionDecision } from './admission.js';
import { Exchange } from './exchange.js';
import type { KeyedLimitOptions, LimitOptions, Middleware, Next } from './limit-options.js';
import { answerRejection, asAnswered, removeSuccess } from './rejection.js';

/** The middleware behind `limit` and others. It calls `serve` under a permit, which a promise from there holds. */
export function createMiddleware<Req extends IncomingMessage, Res extends ServerResponse>(
  what: string,
  limiter: Limiter | KeyedLimiter,
  options: LimitOptions<Req, Res> & Partial<KeyedLimitOptions<Req, Res>> = {},
  serve: (req: Req, res: Res, next: Next) => unknown = passOn,
  isStale?: (req: Req) => boolean,
): Middleware<Req, Res> {
  requireLimiterOf(what, limiter);
  requireObject('options', options);
  const { onRejected, dryRun = false, ...admissionOptions } = options;
  const admit = createAdmission(what, limiter, admissionOptions, dryRun, isStale);
  if (onRejected !== undefined) requireFunction('onRejected', onRejected);
  requireBoolean('dryRun', dryRun);

  return dryRun ? observeRequest : limitRequest;

  function limitRequest(req: Req, res: Res, next: Next): void {
    let decision: AdmissionDecision | Promise<AdmissionDecision>;
    try {
      decision = admit(req, res);
    } catch (error) {
      fail(error, res, next);
      return;
    }
    if (decision instanceof Promise) resume(decision, req, res, next);
    else enter(decision, req, res, next);
  }

  /** Continues in the async context of the request, not in that of the release that ended the wait. */
  function resume(decided: Promise<AdmissionDecision>, req: Req, res: Res, next: Next): void {
    decided
      .then(
        (decision) => {
          enter(decision, req, res, next);
        },
        (error: unknown) => {
          fail(error, res, next);
        },
      )
      .catch((thrown: unknown) => {
        passError(next, thrown);
      });
  }

  function enter(decision: AdmissionDecision, req: Req, res: Res, next: Next): void {
    if (decision === 'over') return;
    if (isSemaphoreError(decision)) reject(decision, req, res, next);
    else {
      if (decision !== 'skipped') endWhenHeldLong(decision, res);
      const work = passRejection(next, serve(req, res, next));
      if (work !== undefined) holdFor(work, decision);
    }
  }

  /** After `maxHoldMs` it answers if nothing was sent, else it destroys the response. */
  function endWhenHeldLong(permit: Permit, res: Res): void {
    const limit = holdLimitOf(permit);
    if (limit === undefined) return;
    limit.onTimeout = () => {
      const reason: unknown = permit.signal.reason;
      try {
        if (!res.headersSent && isSemaphoreError(reason)) answerRejection(res, reason, options);
        else destroyResponse(res);
      } finally {
        // A client that reads nothing must not delay the release. Work under `hold` does.
        permit.release('overload');
      }
    };
  }

  function reject(rejection: SemaphoreError, req: Req, res: Res, next: Next): void {
    if (onRejected !== undefined) {
      const answered = asAnswered(rejection, options);
      void passRejection(nextOrAnswer, onRejected(req, res, nextOrAnswer, answered));
    } else if (!res.headersSent) answerRejection(res, rejection, options);
    // A response that has been ended needs no other answer, and the host's error handler would cut it off.
    else if (!res.writableEnded) next(asAnswered(rejection, options));

    /** Polka, for one, throws when it is passed an error whose `code` is a string. */
    function nextOrAnswer(error?: unknown): void {
      if (isSemaphoreError(error) && !res.headersSent) removeSuccess(res);
      try {
        next(error);
      } catch (thrown) {
        if (!isSemaphoreError(error) || res.headersSent) throw thrown;
        const message = 'next(rejection) threw, so the built-in answer was sent';
        warnFirst(admit, 'WARN_SEMAPHORE_NEXT_FAILED', message, thrown);
        answerRejection(res, rejection, options);
      }
    }
  }

  function observeRequest(req: Req, res: Res, next: Next): void {
    let decision: AdmissionDecision | Promise<AdmissionDecision> = 'over';
    try {
      decision = admit(req, res);
      if (decision instanceof Promise) {
        decision.catch(warnOfFault);
      }
    } catch (error) {
      warnOfFault(error);
    }
    const work = passRejection(next, serve(req, res, next));
    if (work === undefined) return;
    if (decision instanceof Promise) {
      decision.then(
        (late) => {
          holdFor(work, late);
        },
        () => undefined,
      );
    } else holdFor(work, decision);
  }

  function warnOfFault(error: unknown): void {
    warnFirst(admit, 'WARN_SEMAPHORE_DRY_RUN', `${what} as a dry run`, error);
  }
}

function passOn(_req: unknown, _res: unknown, next: Next): void {
  next();
}

/** Destroys a response, also one of HTTP/2, which has no such method. */
export function destroyResponse(res: ServerResponse): void {
  const { stream } = res as { readonly stream?: { destroy?(): unknown } };
  if (stream?.destroy === undefined) res.destroy();
  else stream.destroy();
}

/** Passes on what was thrown, as an error even where a host would read it as "go on" (`undefined`) or as `'route'`. */
export function passError(next: Next, thrown: unknown): void {
  const isError = typeof thrown === 'object' && thrown !== null;
  next(isError ? thrown : new Error(`${describe(thrown)} was thrown`, { cause: thrown }));
}

/** Passes on the reason of `work`, if it is a promise that rejects. Returns a promise that fulfils after that. */
function passRejection(next: Next, work: unknown): Promise<unknown> | undefined {
  if (!isPromiseLike(work)) return undefined;
  return Promise.resolve(work).catch((reason: unknown) => {
    passError(next, reason);
  });
}

/** Passes an error on, unless the exchange is over and nobody waits for its answer. */
function fail(error: unknown, res: ServerResponse, next: Next): void {
  if (Exchange.find(res)?.isOver !== true) passError(next, error);
}

function holdFor(work: PromiseLike<unknown>, decision: AdmissionDecision): void {
  if (typeof decision === 'object' && !isSemaphoreError(decision)) decision.hold(work);
}
