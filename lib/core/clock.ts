/** Where a limiter takes time from. Give another one only to simulate or to test. */
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
