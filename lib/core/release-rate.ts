/** Shortest time with waiters that makes a measurement, in milliseconds. */
const WINDOW_MS = 500;
/** Fewest served waiters that make a measurement. */
const MIN_SERVED = 8;
/** Longest time without waiters after which a measurement is still used, in milliseconds. */
const KEEP_MS = 1_000;
/** A window that lasts this many times as long as the last full one ends, although too few were served. */
const STALL_FACTOR = 3;

/**
 * Measures how many waiters a limiter serves in a millisecond: those served, divided by the time with waiters, over the
 * last one to two windows.
 *
 * Time without waiters is left out, because then permits are released only as fast as they are acquired. A window lasts
 * at least half a second, and until as many waiters were served as there are permits, but at least 8. By Little's law
 * that takes one mean holding time, so permits that are released in step are no change. A stall ends a window, too.
 *
 * A time without waiters that exceeds one holding time, or a second, ends the measurement: the load may have changed.
 *
 * It learns only of waiters, so it costs nothing while permits are free.
 */
export class ReleaseRate {
  /** Waiters served so far. The queue increments it. */
  served = 0;

  #isWaiting = false;
  /** Time and `served` of the last look while somebody waited. */
  #now = -Infinity;
  #counted = 0;
  #previous: Window | undefined;
  #window: Window = { ms: 0, served: 0 };
  /** Length of the last window in which each permit was released. */
  #fullWindowMs = Infinity;
  /** How long a measurement outlasts the last waiter: one holding time, as `permits / rate` by Little's law. */
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

  /** Waiters that `permits` permits serve in a millisecond; `undefined` while too little is known. */
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
    this.#keepMs = Math.min(KEEP_MS, permits / rate);
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

/** A time with waiters, and how many were served in it. */
interface Window {
  ms: number;
  served: number;
}
