import type { Clock } from '../../lib/internal/clock';

/** A clock that moves only when a test moves it, and that counts its timers. */
export class FakeClock implements Clock {
  /** Timers made so far. */
  made = 0;
  #now = 0;
  readonly #timers = new Set<FakeTimer>();

  /** Timers that have neither fired nor been cleared. */
  get timers(): number {
    return this.#timers.size;
  }

  /** The pending timers that would keep a process alive. */
  get foregroundTimers(): number {
    return [...this.#timers].filter((timer) => !timer.background).length;
  }

  now(): number {
    return this.#now;
  }

  setTimer(fire: () => void, delayMs: number, background = false): FakeTimer {
    if (!(delayMs >= 0 && delayMs < 2 ** 31)) throw new RangeError(`no platform timer waits ${delayMs} ms`);
    const timer = { fire, due: this.#now + delayMs, background };
    this.#timers.add(timer);
    this.made++;
    return timer;
  }

  clearTimer(timer: unknown): void {
    this.#timers.delete(timer as FakeTimer);
  }

  /**
   * Moves the clock. Timers fire in order of their due times, each at its own due time.
   *
   * @throws `Error` when each timer sets another without end.
   */
  advance(ms: number): void {
    const end = this.#now + ms;
    let fired = 0;
    for (let timer = this.#nextDue(end); timer !== undefined; timer = this.#nextDue(end)) {
      if (++fired > MANY) throw new Error(`more than ${MANY} timers fired within ${ms} ms`);
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

const MANY = 100_000;

interface FakeTimer {
  readonly fire: () => void;
  readonly due: number;
  readonly background: boolean;
}
