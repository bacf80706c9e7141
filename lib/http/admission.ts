import type { IncomingMessage, ServerResponse } from 'node:http';
import { isPromiseLike } from '../core/permit.js';
import { DECIDE } from '../core/decide.js';
import type { AcquireRequest } from '../core/decide.js';
import type { Semaphore } from '../core/semaphore.js';
import type { Limiter, Permit } from '../core/limiter.js';
import { statsRecorderOf, uncounted } from '../core/stats-recorder.js';
import type { StatsRecorder } from '../core/stats-recorder.js';
import { isSemaphoreError, QueueFullError, WaitTooLongError, withoutStacks } from '../errors.js';
import type { SemaphoreError } from '../errors.js';
import { readOptions, unchecked } from '../internal/options.js';
import {
  integer,
  requireBoolean,
  requireDuration,
  requireFunction,
  requireLimiter,
  requireNoRequest,
  requireString,
  wrongType,
} from '../internal/validate.js';
import { warnOnce } from '../internal/warn.js';
import { asKeyed, isKeyed, PARTS } from '../keyed/key-limiter.js';
import type { KeyedLimiter, MaybeChain } from '../keyed/key-limiter.js';
import { Deadline } from './deadline.js';
import { Exchange, isOver } from './exchange.js';
import { hasDryRejection, noteDryRejection } from './permit-claim.js';
import type { IsOverload, PermitClaim, WaitTerms } from './permit-claim.js';
import { readAcquireOptions } from './limit-options.js';
import type { KeyedLimitOptions, LimitOptions } from './limit-options.js';
import { isPipelined, isTooDeep, waitForTurn } from './pipeline.js';
import { addRateLimitHeaders } from './rate-limit-headers.js';
import { asAnswered } from './rejection.js';
import type { RequestPermit } from './request-permit.js';

/**
 * The decision for one request.
 *
 * - a `Permit`: the request may go on; the permit is released when its response is over.
 * - `'skipped'`: the request may go on without a permit.
 * - `'over'`: the client has left, or the response was sent meanwhile; there is nothing to do.
 * - a `SemaphoreError`: answer with its `status` and `headers`.
 */
export type AdmissionDecision = Permit | 'skipped' | 'over' | SemaphoreError;

/** Decides one request. Only a decision that takes time is a promise. */
export type Admit<Req, Res> = (req: Req, res: Res) => AdmissionDecision | Promise<AdmissionDecision>;

/**
 * Decides requests for an adapter to a host that has no `(req, res, next)` middleware. It is `limit` without `next`: it
 * answers nothing, and a rejection is a returned value.
 *
 * The returned function throws, or its promise rejects, when an option function fails or returns a wrong value.
 *
 * @param limiter - Grants the permits for each key: a `KeyedSemaphore`, or a `chain` with one.
 * @param options - The options of `limit` with `key`, but `onRejected` and `dryRun`.
 *
 * @throws `TypeError` or `RangeError` for a bad option, naming the option and the value.
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http';
 * import { admission, isSemaphoreError, Semaphore } from 'express-semaphore';
 *
 * const admit = admission(new Semaphore(100, { queueLimit: 200 }), { maxWaitMs: 500 });
 * createServer(async (req, res) => {
 *   const decision = await admit(req, res);
 *   if (isSemaphoreError(decision)) res.writeHead(decision.status, decision.headers).end();
 *   else if (decision !== 'over') res.end('served');
 * });
 * ```
 */
export function admission<
  Req extends IncomingMessage = IncomingMessage,
  Res extends ServerResponse = ServerResponse,
>(
  limiter: KeyedLimiter,
  options: Omit<KeyedLimitOptions<Req, Res>, 'onRejected' | 'dryRun'>,
): Admit<Req, Res>;
/**
 * Decides requests for an adapter to a host that has no `(req, res, next)` middleware, with a limiter without keys.
 *
 * @param limiter - Grants the permits: a `Semaphore` or another limiter without keys.
 * @param options - The options of `limit`, but `onRejected` and `dryRun`.
 */
export function admission<
  Req extends IncomingMessage = IncomingMessage,
  Res extends ServerResponse = ServerResponse,
>(limiter: Limiter, options?: Omit<LimitOptions<Req, Res>, 'onRejected' | 'dryRun'>): Admit<Req, Res>;
export function admission<Req extends IncomingMessage, Res extends ServerResponse>(
  limiter: Limiter | KeyedLimiter,
  options: AdmissionOptions<Req, Res> = {},
): Admit<Req, Res> {
  const admit = createAdmission('admission', limiter, options, false);
  const answered = (decision: AdmissionDecision) =>
    isSemaphoreError(decision) ? asAnswered(decision, options) : decision;
  return (req, res) => {
    const decision = admit(req, res);
    return decision instanceof Promise ? decision.then(answered) : answered(decision);
  };
}

/** All options of an admission, with and without keys. */
export type AdmissionOptions<Req, Res> = Omit<LimitOptions<Req, Res>, 'onRejected' | 'dryRun'> &
  Partial<Pick<KeyedLimitOptions<Req, Res>, 'key'>>;

/**
 * The admission behind `what`, whose name is used in warnings. Its rejections are those of the limiter. The admission of a
 * dry run leaves no trace that a client, a handler or another limit of the request can see. A request for
 * which `isStale` returns `true` is rejected, however many permits are free.
 */
export function createAdmission<Req extends IncomingMessage, Res extends ServerResponse>(
  what: string,
  limiter: Limiter | KeyedLimiter,
  options: AdmissionOptions<Req, Res>,
  isDryRun: boolean,
  isStale?: (req: Req) => boolean,
): Admit<Req, Res> {
  requireLimiterOf(what, limiter);
  const read = readOptions<AdmissionOptions<Req, Res>>(what, options, {
    maxWaitMs: requireDuration,
    deadlineMs: requireDuration,
    maxHoldMs: requireDuration,
    statusCode: integer(400, 599),
    skip: requireFunction,
    key: requireFunction,
    isOverload: requireFunction,
    retryJitter: requireBoolean,
    message: requireString,
    rateLimitHeaders: requireBoolean,
    weight: unchecked,
    priority: unchecked,
    flow: unchecked,
  });
  const { maxWaitMs = 1_000, deadlineMs = Infinity, maxHoldMs = Infinity, rateLimitHeaders = false } = read;
  const { skip, key: keyOf, isOverload } = read;
  const deadline = deadlineMs === Infinity ? undefined : new Deadline(deadlineMs);
  const hasHeaders = rateLimitHeaders && !isDryRun;
  const hasKeys = isKeyed(limiter);
  if (hasKeys && typeof keyOf !== 'function') {
    throw wrongType('key', 'a function, such as clientKey()', keyOf);
  }
  if (!hasKeys && keyOf !== undefined)
    throw new TypeError('key needs a KeyedSemaphore, got a limiter without keys');

  const requestOf = readAcquireOptions<Req>(read);
  const keyed = asKeyed(limiter);
  const withoutKey = claimOf('');
  warnOfMisuse(what, limiter, maxWaitMs);
  return admit;

  function admit(req: Req, res: Res): AdmissionDecision | Promise<AdmissionDecision> {
    if (skip !== undefined && requireBoolean('what skip returns', skip(req))) return 'skipped';
    if (isOver(req, res)) return 'over';
    const since = deadline?.now() ?? 0;
    const request = requestOf(req);
    const key = keyOf === undefined ? '' : keyOf(req);
    if (isPromiseLike(key) || isPipelined(req, res)) return admitLater(key, request, req, res, since);
    requireKey(key);
    return acquire(keyOf === undefined ? withoutKey : claimOf(key), request, req, res, since);
  }

  /** Acquires after an asynchronous key has come, and not before the turn of a pipelined response. */
  async function admitLater(
    asyncKey: ReturnType<typeof keyOf & {}>,
    request: AcquireRequest,
    req: Req,
    res: Res,
    since: number,
  ): Promise<AdmissionDecision> {
    // From now on it listens for the end of the exchange.
    const exchange = Exchange.of(req, res);
    const key = isPromiseLike(asyncKey) ? await asyncKey : asyncKey;
    requireKey(key);
    // A response that has ended meanwhile never gets another turn.
    if (!exchange.isOver && isPipelined(req, res)) {
      if (!isDryRun && isTooDeep(req))
        return rejectAs(QueueFullError, 'too many requests on one connection', exchange, res, key);
      await waitForTurn(req, res, !isDryRun);
    }
    return exchange.isOver ? 'over' : acquire(claimOf(key), request, req, res, since);
  }

  /** Decides at once where possible. A request that is rejected at once gets no exchange and no listener. */
  function acquire(
    named: PermitClaim,
    request: AcquireRequest,
    req: Req,
    res: Res,
    since: number,
  ): AdmissionDecision | Promise<AdmissionDecision> {
    const exchange = Exchange.find(res);
    const shared = exchange?.claim(named, request.weight);
    if (shared !== undefined) return timed(shared);
    if (deadline?.isOver(since) === true || isStale?.(req) === true)
      return rejectAs(WaitTooLongError, 'the wait was too long', exchange, res, named.key);
    const claim = deadline === undefined ? named : { ...named, onOver: deadline.watch() };
    const longestMs = deadline === undefined ? maxWaitMs : Math.min(maxWaitMs, deadline.maxWaitMs(since));
    const isWaiting = exchange?.isWaiting(claim, { ...request, maxWaitMs: longestMs }) === true;
    const decideNow = () => keyed[DECIDE](claim.key, request, longestMs);
    const isCounted = exchange === undefined || !hasDryRejection(exchange, claim);
    const decision = isWaiting ? 'wait' : isCounted ? decideNow() : uncounted(decideNow);
    if (decision === 'wait') {
      return acquireLater(Exchange.of(req, res), claim, { ...request, maxWaitMs: longestMs }, res);
    }
    if (isSemaphoreError(decision)) {
      if (isDryRun) noteDryRejection(Exchange.of(req, res), claim);
      return reject(exchange, decision, res, claim.key);
    }
    return keep(decision, claim, req, res);
  }

  function keep(permit: Permit, claim: PermitClaim, req: Req, res: Res): Permit | 'over' {
    try {
      const exchange = Exchange.of(req, res);
      const kept = timed(exchange.keep(permit, claim));
      // A function among the options may have ended the response.
      if (exchange.isOver) return 'over';
      if (hasHeaders) addRateLimitHeaders(res, limiter, claim.key);
      return kept;
    } catch (error) {
      // A host's response may not take listeners.
      permit.release('ignore');
      throw error;
    }
  }

  async function acquireLater(
    exchange: Exchange,
    claim: PermitClaim,
    terms: WaitTerms,
    res: Res,
  ): Promise<AdmissionDecision> {
    try {
      const permit = await exchange.wait(claim, terms, (leave) =>
        withoutStacks(() => keyed.acquire(claim.key, leave.optionsFor(terms))),
      );
      if (permit === 'over') return permit;
      if (hasHeaders) addRateLimitHeaders(res, limiter, claim.key);
      return timed(permit);
    } catch (error) {
      if (!isSemaphoreError(error)) throw error;
      return reject(exchange, error, res, claim.key);
    }
  }

  /** The permit with the hold limit of this `limit`, also one that another `limit` has acquired. A dry run ends nothing. */
  function timed(permit: RequestPermit): Permit {
    if (maxHoldMs !== Infinity && !isDryRun) {
      permit.limitHold(maxHoldMs, (error) => {
        const { key } = permit.claim;
        for (const stats of recordersOf(limiter, key)) stats.countLoss('holdTimeout', permit.weight, error);
      });
    }
    return permit;
  }

  function reject(
    exchange: Exchange | undefined,
    rejection: SemaphoreError,
    res: Res,
    key: string,
  ): SemaphoreError {
    if (!isDryRun) exchange?.reject();
    // A closed limiter has no limit to tell.
    if (hasHeaders && rejection.code !== 'ERR_SEMAPHORE_CLOSED') addRateLimitHeaders(res, limiter, key);
    return rejection;
  }

  /** Rejects where the limiter itself does not. It counts all the same. */
  function rejectAs(
    Rejection: typeof QueueFullError | typeof WaitTooLongError,
    why: string,
    exchange: Exchange | undefined,
    res: Res,
    key: string,
  ): SemaphoreError {
    const scope = hasKeys ? 'key' : 'limiter';
    const error = withoutStacks(() => new Rejection(why, { scope }));
    recordersOf(limiter, key)[0]?.reject(error);
    return reject(exchange, error, res, key);
  }

  function claimOf(key: string): PermitClaim {
    return { source: limiter, key, isOverload: isOverload as IsOverload | undefined, isDryRun };
  }
}

/** Where events of `limiter` are counted: in each part of a chain. */
function recordersOf(limiter: (Limiter | KeyedLimiter) & MaybeChain, key: string): StatsRecorder[] {
  const parts = limiter[PARTS]?.(key);
  if (parts === undefined) return [statsRecorderOf(limiter) ?? []].flat();
  return parts.flatMap(([part, partKey]) => recordersOf(part, partKey));
}

/** Throws unless `key`, which the option `key` returned, is a string. */
function requireKey(key: unknown): asserts key is string {
  if (key !== undefined) requireString('what key returns', key);
  else throw new TypeError(NO_KEY);
}

const NO_KEY =
  'what key returns must be a string, got undefined: clientKey found no address, or there is no user';

/** Throws unless `limiter` is a limiter. */
export function requireLimiterOf(what: string, limiter: unknown): void {
  requireNoRequest(what, limiter, 'as in app.use(limit(new Semaphore(10)))');
  requireLimiter('limiter', limiter);
}

/** Far more limiters than an application has. An application that makes one for each request soon exceeds it. */
const MANY = 1_000;

const mounted = new WeakSet<object>();
let count = 0;

/** Warns of mistakes that can be seen when a limiter is mounted. */
function warnOfMisuse(what: string, limiter: Limiter | KeyedLimiter, maxWaitMs: number): void {
  const { queueLimit, permits } = isKeyed(limiter) ? {} : (limiter as Partial<Semaphore>);
  if (maxWaitMs === Infinity && queueLimit === Infinity) {
    warnOnce('WARN_SEMAPHORE_UNBOUNDED_QUEUE', `${what} has neither a queueLimit nor a maxWaitMs`);
  }
  if (permits === 0) {
    warnOnce('WARN_SEMAPHORE_NO_PERMITS', `${what} was given a semaphore of 0 permits, which serves nobody`);
  }
  if (mounted.has(limiter)) return;
  mounted.add(limiter);
  if (++count === MANY) {
    const message = `${what} was given ${MANY} different limiters: one made inside a handler limits nothing`;
    warnOnce('WARN_SEMAPHORE_MADE_PER_REQUEST', message, new Error().stack);
  }
}
