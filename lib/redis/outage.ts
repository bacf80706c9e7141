import type { Clock } from '../internal/clock.js';

/** A time in which Redis does not answer. Once it has lasted for a lease, all that Redis counted before has run out. */
export class Outage {
  readonly #leaseMs: number;
  readonly #clock: Clock;
  readonly #onForgotten: () => void;
  #timer: unknown = undefined;
  #isForgotten = false;

  constructor(leaseMs: number, clock: Clock, onForgotten: () => void) {
    this.#leaseMs = leaseMs;
    this.#clock = clock;
    this.#onForgotten = onForgotten;
  }

  /** Whether nothing counts any more that Redis knew when it began. */
  get isForgotten(): boolean {
    return this.#isForgotten;
  }

  begin(): void {
    this.#timer ??= this.#clock.setTimer(this.#forget, this.#leaseMs, true);
  }

  end(): void {
    this.#isForgotten = false;
    if (this.#timer !== undefined) this.#clock.clearTimer(this.#timer);
    this.#timer = undefined;
  }

  readonly #forget = (): void => {
    this.#isForgotten = true;
    this.#onForgotten();
  };
}
