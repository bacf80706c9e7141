import type { ServerResponse } from 'node:http';
import { HOLD_LIMIT, holdLimitOf } from '../core/hold-limit.js';
import type { HoldTimeout } from '../core/hold-limit.js';
import type { Outcome, Permit } from '../core/limiter.js';
import { limitHold } from '../core/timed-permit.js';
import type { HoldTimeoutError } from '../errors.js';
import { anySignal } from '../internal/abort-listeners.js';
import { systemClock } from '../internal/clock.js';
import { dispose } from '../internal/dispose.js';
import { warnFirst } from '../internal/warn.js';
import { outcomeOf } from './permit-claim.js';
import type { PermitClaim } from './permit-claim.js';

/** The exchange of the request. Its signal aborts when the client has left. */
interface Signalled {
  readonly signal: AbortSignal;
}

/** A permit as the handler of a request sees it: its signal also aborts when the client has left. */
export class RequestPermit implements Permit {
  older: RequestPermit | undefined;
  claim: PermitClaim;
  isReleased = false;
  readonly #exchange: Signalled;
  #permit: Permit;
  #signal: AbortSignal | undefined;

  constructor(exchange: Signalled, permit: Permit, claim: PermitClaim, older: RequestPermit | undefined) {
    this.#exchange = exchange;
    this.#permit = permit;
    this.claim = claim;
    this.older = older;
  }

  get weight(): number {
    return this.#permit.weight;
  }

  get waitedMs(): number {
    return this.#permit.waitedMs;
  }

  get fencingToken(): number | undefined {
    return this.#permit.fencingToken;
  }

  get signal(): AbortSignal {
    return (this.#signal ??= anySignal([this.#exchange.signal, this.#permit.signal]));
  }

  /** A getter, because most permits are released by the end of their exchange. */
  get release(): (outcome?: Outcome) => void {
    return (outcome) => {
      this.#release(outcome);
    };
  }

  #release(outcome?: Outcome): void {
    this.isReleased = true;
    this.#permit.release(outcome);
  }

  /** Adds a hold limit, for one of the `limit`s that share the permit. `count` runs first when its time is over. */
  limitHold(maxHoldMs: number, count: (error: HoldTimeoutError) => void): void {
    if (this.isReleased) return;
    this.#permit = limitHold(this.#permit, maxHoldMs, systemClock, count);
    this.#signal = undefined;
  }

  get [HOLD_LIMIT](): HoldTimeout | undefined {
    return holdLimitOf(this.#permit);
  }

  split(weight: number): RequestPermit {
    // A part says nothing of the time that the request takes.
    const claim = { ...this.claim, onOver: undefined };
    this.older = new RequestPermit(this.#exchange, this.#permit.split(weight), claim, this.older);
    return this.older;
  }

  hold(work: PromiseLike<unknown>): void {
    this.#permit.hold(work);
  }

  [dispose](): void {
    this.#release();
  }

  /** Releases with the outcome that `res` shows, if any. Never throws: the other permits of the request must be released too. */
  end(res: ServerResponse | undefined): void {
    try {
      this.claim.onOver?.(this.waitedMs);
      this.#release(res === undefined ? 'ignore' : outcomeOf(this.claim, res));
    } catch (error) {
      const message = 'a permit of a request could not be released';
      warnFirst(this.claim.source, 'WARN_SEMAPHORE_RELEASE_FAILED', message, error);
    }
  }
}
