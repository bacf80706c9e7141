import { HOLD_LIMIT, holdLimitOf } from '../core/hold-limit.js';
import type { HoldTimeout } from '../core/hold-limit.js';
import type { Outcome, Permit } from '../core/limiter.js';
import { HeldPermit } from '../core/permit.js';

type OnSample = (startedMs: number, inFlight: number, outcome: Outcome) => void;

/** A permit that reports a sample before it is released. */
export class SampledPermit extends HeldPermit {
  readonly #permit: Permit;

  constructor(permit: Permit, startedMs: number, inFlight: number, onSample: OnSample) {
    const onRelease = (_weight: number, outcome: Outcome | undefined) => {
      if (outcome !== undefined) onSample(startedMs, inFlight, outcome);
      permit.release(outcome);
    };
    super(permit.weight, onRelease, undefined, permit.waitedMs);
    this.#permit = permit;
  }

  get fencingToken(): number | undefined {
    return this.#permit.fencingToken;
  }

  override split(weight: number): Permit {
    return this.#permit.split(weight);
  }

  override get signal(): AbortSignal {
    return this.#permit.signal;
  }

  get [HOLD_LIMIT](): HoldTimeout | undefined {
    return holdLimitOf(this.#permit);
  }
}
