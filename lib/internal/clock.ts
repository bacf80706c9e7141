import { withMethods } from './validate.js';

/** Source of time of a limiter. Replace it only in tests and simulations. */
export interface Clock {
  /** Milliseconds since a fixed moment. Never decreases. */
  now(): number;
  /** Calls `fire` once, after `delayMs`. A background timer does not keep the process alive. */
  setTimer(fire: () => void, delayMs: number, background?: boolean): unknown;
  /** Cancels a timer that has not fired. */
  clearTimer(timer: unknown): void;
}

/** Check of an option that is a `Clock`. */
export const CLOCK_CHECK = withMethods('now', 'setTimer', 'clearTimer');

/** The platform's monotonic clock and timers. */
export const systemClock: Clock = {
  now: () => performance.now(),
  setTimer(fire, delayMs, background) {
    const timer: unknown = setTimeout(fire, delayMs);
    // Browser-like platforms, such as jsdom, return a number.
    if (background === true && typeof timer === 'object') (timer as Partial<NodeJS.Timeout>).unref?.();
    return timer;
  },
  clearTimer(timer) {
    clearTimeout(timer as NodeJS.Timeout);
  },
};
