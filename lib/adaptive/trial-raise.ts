import type { WindowSummary } from './sample-window.js';

/** How many times the limit of before holds while it is raised. */
export const TRIAL_FACTOR = 2;
/** The thread is the bottleneck, or near it, from this part of a window on in which it was at work. */
const BUSY_SHARE = 0.9;
/** With fewer times as many in flight as before, times tell nothing of how they depend on it. */
const MIN_GROWTH = 1.2;

/** Whether the thread had time to spare, so that something else must take so long. */
export function isThreadIdle({ utilization }: WindowSummary): boolean {
  return utilization < BUSY_SHARE;
}

/**
 * The limit raised for one window, to see whether throughput follows: it does where something is slow, for few as for
 * many, and does not where something is full, so that each takes longer the more there are.
 *
 * By Little's law throughput is what is in flight over how long it takes. It follows if it grows by more than the root of
 * what is in flight: nearer to in proportion than to not at all.
 */
export class TrialRaise {
  /** The limit before. */
  readonly limit: number;
  readonly #medianMs: number;
  readonly #inFlight: number;

  constructor(limit: number, medianMs: number, inFlight: number) {
    this.limit = limit;
    this.#medianMs = medianMs;
    this.#inFlight = inFlight;
  }

  /** Whether throughput followed, by the window in which the limit was raised. */
  isFollowed(medianMs: number, inFlight: number): boolean {
    const growth = inFlight / this.#inFlight;
    return growth > MIN_GROWTH && medianMs / this.#medianMs < Math.sqrt(growth);
  }

  /** As much of the raised limit as was in use, and no less than before. */
  keep({ maxInFlight }: WindowSummary): number {
    return Math.max(this.limit, Math.min(this.limit * TRIAL_FACTOR, maxInFlight));
  }
}
