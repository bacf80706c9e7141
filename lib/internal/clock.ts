/**
 * Where a limiter takes time from. Give another one only to simulate or to test.
 *
 * @example
 * ```ts
 * import { Semaphore } from 'express-semaphore';
 * import type { Clock } from 'express-semaphore';
 *
 * // Time that stands still: no wait of this semaphore ever ends by itself.
 * const frozen: Clock = { now: () => 0, setTimer: () => undefined, clearTimer: () => undefined };
 * const semaphore = new Semaphore(1, { clock: frozen, maxWaitMs: 10 });
 * semaphore.tryAcquire()?.release();
 * ```
 */
export interface Clock {
  /** Milliseconds since some fixed moment; never goes back. */
  now(): number;
  /** Calls `fire` once, `delayMs` from now. A background timer does not keep the process alive. */
  setTimer(fire: () => void, delayMs: number, background?: boolean): unknown;
  /** Forgets a timer that has not fired. */
  clearTimer(timer: unknown): void;
}

/** The platform's monotonic clock and timers. */
export const systemClock: Clock = {
  now: () => performance.now(),
  setTimer(fire, delayMs, background) {
    const timer = setTimeout(fire, delayMs);
    if (background === true) timer.unref();
    return timer;
  },
  clearTimer(timer) {
    clearTimeout(timer as NodeJS.Timeout);
  },
};
