/** The shortest stretch of waiting that is a measurement, in milliseconds. */
const WINDOW_MS = 500;
/** A stretch this many times as long as the last full one ends although permits have not come back. */
const STALL_FACTOR = 3;
/** How long after the last wait a measurement says nothing any more, in milliseconds. */
const FORGET_MS = 1_000;

/**
 * Measures how many waiters a limiter serves in a millisecond: those served, divided by the time during which somebody
 * waited, over the last one to two windows.
 *
 * Time without waiters is left out, because then permits come back only as fast as they are asked for: at a low load
 * that says nothing of what is possible. A window lasts at least half a second, and until as many were served as there
 * are permits (by Little's law that takes one mean holding time), so that permits that come back in step are not
 * mistaken for a change. A stall ends a window, too; two windows later it is forgotten.
 *
 * It hears only of waiters, so it costs nothing while permits are free.
 */
export class ReleaseRate {
  /** Waiters served so far: whoever serves one counts it. */
  served = 0;

  #isWaiting = false;
  /** When it looked last while somebody waited, and at which count. */
  #now = -Infinity;
  #counted = 0;
  /** The window before, and this one. */
  #before: Window | undefined;
  #window: Window = { ms: 0, served: 0 };
  /** How long the last window was in which each permit came back. */
  #fullWindowMs = Infinity;

  /** Somebody waits from now on. */
  begin(now: number): void {
    if (now - this.#now > FORGET_MS) this.forget(now);
    this.#now = now;
    this.#isWaiting = true;
  }

  /** Nobody waits any more. */
  end(now: number): void {
    this.#look(now);
    this.#isWaiting = false;
  }

  /** Begins anew: what was seen before `now` says nothing of what comes. */
  forget(now: number): void {
    this.#look(now);
    this.#before = undefined;
    this.#window = { ms: 0, served: 0 };
    this.#fullWindowMs = Infinity;
  }

  /** Waiters served in a millisecond by `permits` permits; `undefined` while too little has been seen. */
  perMs(now: number, permits: number): number | undefined {
    this.#look(now);
    if (permits === 0) return undefined; // a pause: nobody is to be served
    const isFull = this.#window.served >= permits;
    if (this.#window.ms >= WINDOW_MS && (isFull || this.#window.ms >= STALL_FACTOR * this.#fullWindowMs)) {
      if (isFull) this.#fullWindowMs = this.#window.ms;
      this.#before = this.#window;
      this.#window = { ms: 0, served: 0 };
    }
    if (this.#before === undefined && !isFull) return undefined;
    const ms = this.#window.ms + (this.#before?.ms ?? 0);
    return ms > 0 ? (this.#window.served + (this.#before?.served ?? 0)) / ms : undefined;
  }

  #look(now: number): void {
    if (!this.#isWaiting) return;
    this.#window.ms += now - this.#now;
    this.#window.served += this.served - this.#counted;
    this.#now = now;
    this.#counted = this.served;
  }
}

/** A stretch of time, without what of it nobody waited in. */
interface Window {
  ms: number;
  served: number;
}
