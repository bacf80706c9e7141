import { HoldTimeoutError } from '../errors.js';
import { addAbortListener, removeAbortListener } from '../internal/abort-listeners.js';
import type { AbortListener } from '../internal/abort-listeners.js';
import type { Clock } from '../internal/clock.js';
import type { Permit } from './limiter.js';

/** Property of a permit that holds its `HoldLimit`, the same in each copy of this package. */
export const HOLD_LIMIT: unique symbol = Symbol.for('express-semaphore.hold-limit');

/** What is told of the end of a permit's time. */
export interface HoldTimeout {
  /** Called when the time is over, after the signal has aborted. `limit` sets it. */
  onTimeout: (() => void) | undefined;
}

/** The hold limit of `permit`; `undefined` for one that may be held for ever. */
export function holdLimitOf(permit: Permit): HoldTimeout | undefined {
  return (permit as { readonly [HOLD_LIMIT]?: HoldTimeout | undefined })[HOLD_LIMIT];
}

/** Several hold limits as one, which ends with the first. */
export function firstOf(limits: readonly HoldTimeout[]): HoldTimeout | undefined {
  if (limits.length < 2) return limits[0];
  return {
    get onTimeout() {
      return limits[0]?.onTimeout;
    },
    set onTimeout(listener) {
      for (const limit of limits) limit.onTimeout = listener;
    },
  };
}

/** The timer of one permit. When it fires, the permit's signal aborts with a `HoldTimeoutError`. */
export class HoldLimit implements AbortListener, HoldTimeout {
  onTimeout: (() => void) | undefined;
  readonly #clock: Clock;
  readonly #given: AbortSignal | undefined;
  readonly #timer: unknown;
  #error: HoldTimeoutError | undefined;
  #controller: AbortController | undefined;

  /** `given` is the signal of `acquire`, which also aborts the permit's signal. `count` runs first when time is over. */
  constructor(
    maxHoldMs: number,
    clock: Clock,
    given: AbortSignal | undefined,
    count: (error: HoldTimeoutError) => void,
  ) {
    this.#clock = clock;
    this.#given = given;
    this.#timer = clock.setTimer(
      () => {
        this.#error = new HoldTimeoutError('a permit is held for longer than maxHoldMs');
        count(this.#error);
        this.#controller?.abort(this.#error);
        this.onTimeout?.();
      },
      maxHoldMs,
      true,
    );
  }

  get signal(): AbortSignal {
    return (this.#controller ??= this.#makeController()).signal;
  }

  aborted(): void {
    this.#controller?.abort(this.#given?.reason);
  }

  /** Stops the timer. The permit is released. */
  end(): void {
    this.#clock.clearTimer(this.#timer);
    this.onTimeout = undefined;
    if (this.#controller !== undefined && this.#given !== undefined) removeAbortListener(this.#given, this);
  }

  #makeController(): AbortController {
    const controller = new AbortController();
    if (this.#given?.aborted === true) controller.abort(this.#given.reason);
    else if (this.#error !== undefined) controller.abort(this.#error);
    else if (this.#given !== undefined) addAbortListener(this.#given, this);
    return controller;
  }
}
