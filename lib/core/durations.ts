import { createHistogram } from 'node:perf_hooks';
import type { RecordableHistogram } from 'node:perf_hooks';
import type { DurationStats } from './limiter.js';

/** How long a window lasts, in milliseconds. A snapshot covers this one and the one before. */
const WINDOW_MS = 10_000;
/** What a histogram counts in: microseconds. */
const UNITS_PER_MS = 1_000;
/** The longest that any timer lasts, in those; whatever is longer counts as this. */
const HIGHEST = (2 ** 31 - 1) * UNITS_PER_MS;

/** How long something took, lately: a histogram of fixed size, right to one digit, and exact at the top. */
export class Durations {
  #current = new Window();
  #previous = new Window();
  #since = -Infinity;

  /** Adds one that lasted `ms` and ended `now`. */
  record(ms: number, now: number): void {
    this.#turn(now);
    this.#current.record(ms);
  }

  /** Those that ended in the last 10 to 20 seconds, frozen. */
  snapshot(now: number): DurationStats {
    this.#turn(now);
    const all = (merged ??= makeHistogram());
    all.reset();
    this.#previous.addTo(all);
    this.#current.addTo(all);
    const maxMs = Math.max(this.#previous.maxMs, this.#current.maxMs);
    // A histogram knows only the end of the bucket that a value fell into.
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

/** What there is to say where nothing has been measured. */
export const NO_DURATIONS: DurationStats = Object.freeze({
  count: 0,
  p50Ms: 0,
  p90Ms: 0,
  p99Ms: 0,
  maxMs: 0,
});

class Window {
  /** Made for the first value: most keep to one of waits and holds, or to neither. */
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

/** Where a snapshot adds its windows up: one for all, as nobody else runs meanwhile; made for the first of them. */
let merged: RecordableHistogram | undefined;
