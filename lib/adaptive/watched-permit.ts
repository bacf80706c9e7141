import type { Outcome, Permit } from '../core/limiter.js';
import { HeldPermit } from '../core/permit.js';

/** Called once, before the permit is back. */
export type OnSample = (startedMs: number, inFlight: number, outcome: Outcome) => void;

/** A permit that tells how long it was held, in which company, and how its work went. */
export class SampledPermit extends HeldPermit {
  readonly #permit: Permit;

  constructor(permit: Permit, startedMs: number, inFlight: number, takeIn: OnSample) {
    super(permit.weight, (_weight, outcome) => {
      try {
        takeIn(startedMs, inFlight, outcome);
      } finally {
        permit.release(outcome);
      }
    });
    this.#permit = permit;
  }

  override get signal(): AbortSignal {
    return this.#permit.signal;
  }
}
