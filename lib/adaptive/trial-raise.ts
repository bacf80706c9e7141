import type { WindowSummary } from './sample-window.js';

/** Factor applied to the limit during a trial raise. */
export const TRIAL_FACTOR = 2;
/** Utilization from which the event loop is the bottleneck. */
const BUSY_SHARE = 0.9;
/** Smallest growth of the permits in flight from which times allow a conclusion. */
const MIN_GROWTH = 1.2;

/** True when the event loop had time to spare, so that something else must be slow. */
export function isThreadIdle({ utilization }: WindowSummary): boolean {
  return utilization < BUSY_SHARE;
}

/**
 * A limit raised for one window, to see whether throughput follows. It does when a dependency is slow for few as for
 * many. It does not when a dependency is full.
 *
 * By Little's law throughput is permits in flight divided by holding time. It follows when it grows by more than the
 * square root of the growth in flight.
 */
export class TrialRaise {
  /** The limit before the raise. */
  readonly limit: number;
  readonly #medianMs: number;
  readonly #inFlight: number;

  constructor(limit: number, medianMs: number, inFlight: number) {
    this.limit = limit;
    this.#medianMs = medianMs;
    this.#inFlight = inFlight;
  }

  /** True when throughput followed, in the window with the raised limit. */
  isFollowed(medianMs: number, inFlight: number): boolean {
    const growth = inFlight / this.#inFlight;
    return growth > MIN_GROWTH && medianMs / this.#medianMs < Math.sqrt(growth);
  }

  /** The part of the raised limit that was in use, and at least the limit before. */
  keep({ maxInFlight }: WindowSummary): number {
    return Math.max(this.limit, Math.min(this.limit * TRIAL_FACTOR, maxInFlight));
  }
}
