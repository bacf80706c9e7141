/**
 * Tells how much there was to do for the thread. Give another one only to simulate or to test.
 *
 * @example
 * ```ts
 * import { AdaptiveSemaphore } from 'express-semaphore/adaptive';
 * import type { EventLoopLoad } from 'express-semaphore/adaptive';
 *
 * // A thread that never has anything to do: whatever takes longer, it is not the cause.
 * const idle: EventLoopLoad = { busyMs: () => 0 };
 * const semaphore = new AdaptiveSemaphore({ gauge: idle });
 * semaphore.tryAcquire()?.release();
 * ```
 */
export interface EventLoopLoad {
  /** Milliseconds in which the event loop was at work so far; never goes back. */
  busyMs(): number;
}

/** The platform's own, which is as cheap as reading the clock. */
export const systemEventLoopLoad: EventLoopLoad = {
  busyMs: () => performance.eventLoopUtilization().active,
};
