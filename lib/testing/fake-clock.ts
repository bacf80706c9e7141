import type { Clock } from '../internal/clock.js';
import { MAX_TIMER_MS } from '../internal/validate.js';

/**
 * A clock that moves only when a test moves it. Pass it as the option `clock` of a limiter.
 *
 * Timers fire inside `advance`. The promises of their callers settle in a later microtask, so await `settle()` then.
 *
 * @example
 * ```ts
 * import { Semaphore } from 'express-semaphore';
 * import { FakeClock } from 'express-semaphore/testing';
 *
 * const clock = new FakeClock();
 * const api = new Semaphore(0, { maxWaitMs: 1_000, clock });
 * const waiting = api.acquire();
 * clock.advance(1_000);
 * await waiting.catch((error) => console.log(error.code)); // ERR_SEMAPHORE_WAIT_TIMEOUT
 * ```
 */
export class FakeClock implements Clock {
  #now = 0;
  #made = 0;
  readonly #timers = new Set<FakeTimer>();

  /** Number of timers that have neither fired nor been cleared. */
  get timers(): number {
    return this.#timers.size;
  }

  /** Number of those timers that would keep a process alive. */
  get foregroundTimers(): number {
    return [...this.#timers].filter((timer) => !timer.background).length;
  }

  /** Number of timers made so far. */
  get made(): number {
    return this.#made;
  }

  /** Milliseconds since the clock was made. */
  now(): number {
    return this.#now;
  }

  /** @throws `RangeError` for a delay that no platform timer waits. */
  setTimer(fire: () => void, delayMs: number, background = false): unknown {
    if (!(delayMs >= 0 && delayMs <= MAX_TIMER_MS)) {
      throw new RangeError(`no platform timer waits ${delayMs} ms`);
    }
    const timer: FakeTimer = { fire, due: this.#now + delayMs, background };
    this.#timers.add(timer);
    this.#made++;
    return timer;
  }

  clearTimer(timer: unknown): void {
    this.#timers.delete(timer as FakeTimer);
  }

  /**
   * Moves the clock by `ms` milliseconds. Timers fire in order of their due times, each at its own due time.
   *
   * @throws `Error` when each timer sets another without end, and what a timer throws.
   */
  advance(ms: number): void {
    const end = this.#now + ms;
    let fired = 0;
    for (let timer = this.#nextDue(end); timer !== undefined; timer = this.#nextDue(end)) {
      if (++fired > MOST_FIRED) throw new Error(`more than ${MOST_FIRED} timers fired within ${ms} ms`);
      this.#timers.delete(timer);
      this.#now = Math.max(this.#now, timer.due);
      timer.fire();
    }
    this.#now = end;
  }

  #nextDue(end: number): FakeTimer | undefined {
    let next: FakeTimer | undefined;
    for (const timer of this.#timers) {
      if (timer.due <= end && (next === undefined || timer.due < next.due)) next = timer;
    }
    return next;
  }
}

const MOST_FIRED = 100_000;

interface FakeTimer {
  readonly fire: () => void;
  readonly due: number;
  readonly background: boolean;
}
