import type { ServerResponse } from 'node:http';
import type { AcquireRequest } from '../core/decide.js';
import type { Outcome } from '../core/limiter.js';
import { requireBoolean } from '../internal/validate.js';
import { warnFirst } from '../internal/warn.js';

/** Decides whether a finished response shows an overload. */
export type IsOverload = (res: ServerResponse) => boolean;

/** The limiter and the key of a permit, and how the end of its request is judged. */
export interface PermitClaim {
  readonly source: object;
  readonly key: string;
  readonly isOverload: IsOverload | undefined;
  readonly isDryRun: boolean;
  /** Called when the exchange is over, with the time that the permit's caller waited. */
  readonly onOver?: ((waitedMs: number) => void) | undefined;
}

/** The acquire request of a waiting request, and its maximum wait. */
export interface WaitTerms extends AcquireRequest {
  readonly maxWaitMs: number;
}

export function isSame(one: PermitClaim, other: PermitClaim): boolean {
  return one.source === other.source && one.key === other.key;
}

/** Both are made in one way, so their texts have one order. */
export function isEqual(one: WaitTerms, other: WaitTerms): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** What dry runs of a request have rejected, by its exchange. */
const dryRejections = new WeakMap<object, PermitClaim[]>();

/** Notes that a dry run has rejected a request. */
export function noteDryRejection(exchange: object, claim: PermitClaim): void {
  dryRejections.set(exchange, [...(dryRejections.get(exchange) ?? []), claim]);
}

/** Whether a dry run of the same limiter and key has rejected the request, and has counted that. */
export function hasDryRejection(exchange: object, claim: PermitClaim): boolean {
  return dryRejections.get(exchange)?.some((other) => isSame(other, claim)) === true;
}

/** The outcome that the finished response `res` shows. If `isOverload` fails, it is `'ignore'`, and a warning is emitted. */
export function outcomeOf(claim: PermitClaim, res: ServerResponse): Outcome {
  try {
    const isOverload = (claim.isOverload ?? isOverloaded)(res);
    return requireBoolean('what isOverload returns', isOverload) ? 'overload' : 'success';
  } catch (error) {
    warnFirst(claim.isOverload ?? claim, 'WARN_SEMAPHORE_RELEASE_FAILED', 'isOverload failed', error);
    return 'ignore';
  }
}

/** The default of `isOverload`: an answer 503 or 504, or a response that the server destroyed with an error. */
function isOverloaded(res: ServerResponse): boolean {
  return res.statusCode === 503 || res.statusCode === 504 || hasFailed(res);
}

/** Whether the server destroyed `res` with an error. */
export function hasFailed(res: ServerResponse): boolean {
  // HTTP/2 and mocked responses have no such property.
  return (res.errored ?? null) !== null;
}
