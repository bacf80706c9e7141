/** Shortest time with waiters that makes a measurement, in milliseconds. */
const WINDOW_MS = 500;
/** Fewest permits that make a measurement. */
const MIN_SERVED = 8;
/** A measurement outlasts the last waiter by this part of a holding time. */
const KEEP_HOLDS = 0.25;
/** Longest time without waiters after which a measurement is still used, in milliseconds. */
const KEEP_MS = 1_000;
/** A window that lasts this many times as long as the last full one ends, although too few permits were released. */
const STALL_FACTOR = 3;

/**
 * Measures how many permits the waiters of a limiter get in a millisecond: those that they got, divided by the time with
 * waiters, over the last one to two windows.
 *
 * Time without waiters is left out, because then permits are released only as fast as they are acquired. A window lasts
 * at least half a second, and until waiters got as many permits as there are, but at least 8. By Little's law
 * that takes one mean holding time, so permits that are released in step are no change. A stall ends a window, too.
 *
 * A time without waiters that exceeds a quarter of a holding time, or a second, ends the measurement: the load may have
 * changed, and a newcomer must not be rejected for a load that is over.
 *
 * It learns only of waiters, so it costs nothing while permits are free.
 */
export class ReleaseRate {
  /** Permits that waiters have got so far. The queue adds to it. */
  served = 0;

  #isWaiting = false;
  /** Time and `served` of the last look while somebody waited. */
  #now = -Infinity;
  #counted = 0;
  #previous: Window | undefined;
  #window: Window = { ms: 0, served: 0 };
  /** Length of the last window in which each permit was released. */
  #fullWindowMs = Infinity;
  /** How long a measurement outlasts the last waiter. The holding time is `permits / rate`, by Little's law. */
  #keepMs = KEEP_MS;

  /** Somebody waits from now on. Returns whether the measurement was too old and is forgotten. */
  begin(now: number): boolean {
    const isOld = now - this.#now > this.#keepMs;
    if (isOld) this.forget(now);
    this.#now = now;
    this.#isWaiting = true;
    return isOld;
  }

  /** The queue is empty. */
  end(now: number): void {
    this.#look(now);
    this.#isWaiting = false;
  }

  /** Drops what was measured before `now`. */
  forget(now: number): void {
    this.#look(now);
    this.#previous = undefined;
    this.#window = { ms: 0, served: 0 };
    this.#fullWindowMs = Infinity;
  }

  /** Permits that waiters get in a millisecond, of a limit of `permits`; `undefined` while too little is known. */
  perMs(now: number, permits: number): number | undefined {
    this.#look(now);
    if (permits === 0) return undefined;
    const isFull = this.#window.served >= Math.max(permits, MIN_SERVED);
    if (this.#window.ms >= WINDOW_MS && (isFull || this.#window.ms >= STALL_FACTOR * this.#fullWindowMs)) {
      if (isFull) this.#fullWindowMs = this.#window.ms;
      this.#previous = this.#window;
      this.#window = { ms: 0, served: 0 };
    }
    if (this.#previous === undefined && !isFull) return undefined;
    const ms = this.#window.ms + (this.#previous?.ms ?? 0);
    if (ms === 0) return undefined;
    const rate = (this.#window.served + (this.#previous?.served ?? 0)) / ms;
    this.#keepMs = Math.min(KEEP_MS, (KEEP_HOLDS * permits) / rate);
    return rate;
  }

  #look(now: number): void {
    if (!this.#isWaiting) return;
    this.#window.ms += now - this.#now;
    this.#window.served += this.served - this.#counted;
    this.#now = now;
    this.#counted = this.served;
  }
}

/** A time with waiters, and the permits that they got in it. */
interface Window {
  ms: number;
  served: number;
}
