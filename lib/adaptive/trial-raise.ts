import type { WindowSummary } from './sample-window.js';

/** Factor applied to the limit during a trial raise. */
export const TRIAL_FACTOR = 2;
/** Smallest growth of the permits in flight from which times allow a conclusion. */
const MIN_GROWTH = 1.2;
/** Times that fell below this factor show that an older queue ended meanwhile. */
const MIN_SLOWDOWN = 0.8;
/**
 * Share of clients that left from which something queues, if fewer left before. Clients that waited for a permit leave
 * earlier in their work, so a lower share says nothing.
 */
const MOST_IGNORED = 0.8;

/** Result of a trial raise. */
export type Verdict = 'slow' | 'queue' | 'unknown';

/**
 * A limit raised for one window, to see whether throughput follows. It does when a dependency is slow for few as for
 * many. It does not when a dependency is full.
 *
 * By Little's law throughput is permits in flight divided by holding time. It follows when it grows by more than the
 * square root of the growth in flight.
 */
export class TrialRaise {
  /** The limit before the trial raise. */
  readonly limit: number;
  readonly #timeMs: number;
  readonly #before: WindowSummary;

  constructor(limit: number, timeMs: number, before: WindowSummary) {
    this.limit = limit;
    this.#timeMs = timeMs;
    this.#before = before;
  }

  /** Judges the window with the raised limit. The verdict is unknown when callers did not use the raised limit. */
  judge(timeMs: number, { maxInFlight, ignoredShare }: WindowSummary): Verdict {
    if (ignoredShare > Math.max(MOST_IGNORED, this.#before.ignoredShare)) return 'queue';
    const growth = maxInFlight / this.#before.maxInFlight;
    const slowdown = timeMs / this.#timeMs;
    if (growth <= MIN_GROWTH || slowdown < MIN_SLOWDOWN) return 'unknown';
    return slowdown < Math.sqrt(growth) ? 'slow' : 'queue';
  }

  /** The part of the raised limit that was in use, and at least the limit before. */
  keep({ maxInFlight }: WindowSummary): number {
    return Math.max(this.limit, Math.min(this.limit * TRIAL_FACTOR, maxInFlight));
  }
}
