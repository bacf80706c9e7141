import { createHistogram } from 'node:perf_hooks';
import type { RecordableHistogram } from 'node:perf_hooks';
import type { DurationStats } from './limiter.js';

/** Length of a window in milliseconds. A snapshot covers the current window and the previous one. */
const WINDOW_MS = 10_000;
/** A histogram counts microseconds. */
const UNITS_PER_MS = 1_000;
/** Longest delay of a timer, in microseconds. A longer duration counts as this. */
const HIGHEST = (2 ** 31 - 1) * UNITS_PER_MS;

/** A histogram of recent durations. Its size is fixed, it is exact to one digit, and the maximum is exact. */
export class Durations {
  #current = new Window();
  #previous = new Window();
  #since = -Infinity;

  /** Adds a duration of `ms` that ends `now`. */
  record(ms: number, now: number): void {
    this.#turn(now);
    this.#current.record(ms);
  }

  /** Frozen stats of the durations that ended in the last 10 to 20 seconds. */
  snapshot(now: number): DurationStats {
    this.#turn(now);
    const all = (merged ??= makeHistogram());
    all.reset();
    this.#previous.addTo(all);
    this.#current.addTo(all);
    const maxMs = Math.max(this.#previous.maxMs, this.#current.maxMs);
    // A histogram knows only the upper bound of a value's bucket.
    const percentile = (percent: number) => Math.min(all.percentile(percent) / UNITS_PER_MS, maxMs);
    return Object.freeze({
      count: all.count,
      p50Ms: percentile(50),
      p90Ms: percentile(90),
      p99Ms: percentile(99),
      maxMs,
    });
  }

  #turn(now: number): void {
    const age = now - this.#since;
    if (age < WINDOW_MS) return;
    [this.#current, this.#previous] = [this.#previous, this.#current];
    this.#current.reset();
    if (age >= 2 * WINDOW_MS) this.#previous.reset();
    this.#since = now;
  }
}

/** The stats of no durations. */
export const NO_DURATIONS: DurationStats = Object.freeze({
  count: 0,
  p50Ms: 0,
  p90Ms: 0,
  p99Ms: 0,
  maxMs: 0,
});

class Window {
  /** Created for the first value, because most windows have none. */
  #histogram: RecordableHistogram | undefined;
  maxMs = 0;

  record(ms: number): void {
    this.#histogram ??= makeHistogram();
    this.#histogram.record(Math.min(Math.max(Math.round(ms * UNITS_PER_MS), 1), HIGHEST));
    if (ms > this.maxMs) this.maxMs = ms;
  }

  addTo(other: RecordableHistogram): void {
    if (this.#histogram !== undefined) other.add(this.#histogram);
  }

  reset(): void {
    this.#histogram?.reset();
    this.maxMs = 0;
  }
}

function makeHistogram(): RecordableHistogram {
  return createHistogram({ lowest: 1, highest: HIGHEST, figures: 1 });
}

/** Sum of two windows. One serves all snapshots, because a snapshot is synchronous. */
let merged: RecordableHistogram | undefined;
