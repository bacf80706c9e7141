/**
 * Tells how much there was to do for the thread. Give another one only to simulate or to test.
 *
 * @example
 * ```ts
 * import { AdaptiveSemaphore } from 'express-semaphore';
 * import type { Gauge } from 'express-semaphore';
 *
 * // A thread that never has anything to do: whatever takes longer, it is not the cause.
 * const idle: Gauge = { busyMs: () => 0 };
 * const semaphore = new AdaptiveSemaphore({ gauge: idle });
 * semaphore.tryAcquire()?.release();
 * ```
 */
export interface Gauge {
  /** Milliseconds in which the event loop was at work so far; never goes back. */
  busyMs(): number;
}

/** The platform's own, which is as cheap as reading the clock. */
export const systemGauge: Gauge = {
  busyMs: () => performance.eventLoopUtilization().active,
};
