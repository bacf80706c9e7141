import type { HoldTimeoutError } from '../errors.js';
import type { Clock } from '../internal/clock.js';
import { firstOf, HOLD_LIMIT, HoldLimit } from './hold-limit.js';
import type { HoldTimeout } from './hold-limit.js';
import type { Permit } from './limiter.js';
import { HeldPermit } from './permit.js';
import type { OnRelease } from './permit.js';
import { WrappedPermit } from './wrapped-permit.js';

/** A permit with a hold limit. */
export class TimedPermit extends HeldPermit {
  readonly #limit: HoldLimit;

  constructor(weight: number, onRelease: OnRelease, limit: HoldLimit, waitedMs: number) {
    super(weight, ending(limit)(onRelease), undefined, waitedMs);
    this.#limit = limit;
  }

  override get signal(): AbortSignal {
    return this.#limit.signal;
  }

  get [HOLD_LIMIT](): HoldTimeout {
    return this.#limit;
  }
}

/**
 * `permit` with a hold limit of its own, for one call. `count` runs first when its time is over. An earlier end of the
 * limiter's own hold limit counts, too.
 */
export function limitHold(
  permit: Permit,
  maxHoldMs: number,
  clock: Clock,
  count: (error: HoldTimeoutError) => void,
): Permit {
  try {
    return new CallPermit(permit, new HoldLimit(maxHoldMs, clock, permit.signal, count));
  } catch (error) {
    // A clock that throws must not cost a permit.
    permit.release('ignore');
    throw error;
  }
}

class CallPermit extends WrappedPermit {
  readonly #limit: HoldLimit;

  constructor(permit: Permit, limit: HoldLimit) {
    super([permit]);
    HeldPermit.changeRelease(this, ending(limit));
    this.#limit = limit;
  }

  override get signal(): AbortSignal {
    return this.#limit.signal;
  }

  override get [HOLD_LIMIT](): HoldTimeout | undefined {
    return firstOf([this.#limit, super[HOLD_LIMIT] ?? []].flat());
  }
}

/** Ends `limit` with the release. */
function ending(limit: HoldLimit): (onRelease: OnRelease) => OnRelease {
  return (onRelease) => (weight, outcome) => {
    if (outcome !== undefined) limit.end();
    onRelease(weight, outcome);
  };
}
