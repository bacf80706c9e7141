import type { LimitSample } from './algorithm.js';

/** Minimum length of a window, in milliseconds. */
const WINDOW_MS = 100;
/** Minimum number of samples in a window. */
const WINDOW_SAMPLES = 10;
/**
 * Share of overloaded samples from which a window counts as overloaded. A lower share may be bugs, and a limit that
 * fell for each error would end at its minimum.
 */
const OVERLOAD_SHARE = 0.1;
/** Share of ignored samples from which a window counts as abandoned: nearly all clients left before the response. */
const ABANDONED_SHARE = 0.95;
/** Utilization from which the event loop is the bottleneck. */
const BUSY_SHARE = 0.9;

/** Most holding times that a window keeps. */
const MAX_TIMES = 1_000;

/** Shortest part of a window from which its later half counts by itself, in milliseconds. */
const MIN_HALF_MS = 40;

/** The samples of one window in figures. */
export interface WindowSummary {
  readonly endedMs: number;
  /** Total busy time of the event loop at the end, in milliseconds. */
  readonly busyMs: number;
  /** Median holding time of the samples that did not fail; `undefined` when there are none. */
  readonly medianMs: number | undefined;
  /** Difference of mean and median of all permits released in the window, at least 0, in milliseconds. */
  readonly skewMs: number;
  /** Share of the window, or of its later half if that is more, in which the event loop was busy, from 0 to 1. */
  readonly utilization: number;
  /** Largest number of permits held at once. */
  readonly maxInFlight: number;
  /** Share of samples that failed by overload, from 0 to 1. */
  readonly overloadShare: number;
  /** Share of samples that were ignored, from 0 to 1. Their times are lower bounds. */
  readonly ignoredShare: number;
  /** True when nearly all clients left, however short their permits were held. */
  readonly isAbandoned: boolean;
}

/** True when so many samples of a window failed by overload that the limit must fall. */
export function isOverload({ overloadShare }: WindowSummary): boolean {
  return overloadShare >= OVERLOAD_SHARE;
}

/** True when the event loop had time to spare, so that it cannot be the reason for long holding times. */
export function isThreadIdle({ utilization }: WindowSummary): boolean {
  return utilization < BUSY_SHARE;
}

/**
 * Collects samples into windows of at least 10 samples and 100 ms, as in Envoy and Netflix' concurrency-limits.
 *
 * The median counts only permits granted after the window opened. So each window shows the effect of the current limit,
 * and the limit changes at most once in a holding time. The skew counts all permits released in the window, so that
 * work longer than the window is part of it.
 */
export class SampleWindow {
  readonly #minSamples: number;
  readonly #usualMs: number;
  #minMs: number;
  #openedMs = -Infinity;
  #busyMs = 0;
  /** End and busy time of the releases in the window, of one in each millisecond. */
  #releases: Pick<LimitSample, 'endedMs' | 'busyMs'>[] = [];
  #times = new HoldingTimes();
  /** Those of permits granted before the window opened, too. */
  #allTimes = new HoldingTimes();
  #overloads = 0;
  #ignored = 0;
  /** Ignored samples whose time does not count. */
  #short = 0;
  #maxInFlight = 0;

  constructor(minSamples = WINDOW_SAMPLES, minMs = WINDOW_MS) {
    this.#minSamples = minSamples;
    this.#minMs = minMs;
    this.#usualMs = minMs;
  }

  /**
   * Adds a sample. Returns the summary when the sample completes the window, and opens the next window. The time of a
   * sample that was ignored before `shortestMs` does not count.
   */
  add(sample: LimitSample, shortestMs = 0): WindowSummary | undefined {
    const { startedMs, endedMs, busyMs, inFlight, outcome } = sample;
    const heldMs = endedMs - startedMs;
    if (this.#openedMs === -Infinity) this.open({ endedMs: startedMs, busyMs });
    if (endedMs - (this.#releases.at(-1)?.endedMs ?? -Infinity) >= 1) this.#releases.push(sample);
    if (startedMs < this.#openedMs) {
      if (outcome !== 'overload') this.#allTimes.add(heldMs);
      return undefined;
    }
    this.#maxInFlight = Math.max(this.#maxInFlight, inFlight);
    if (outcome === 'ignore') this.#ignored++;
    if (outcome === 'overload') this.#overloads++;
    else if (outcome === 'success' || heldMs >= shortestMs) {
      this.#times.add(heldMs);
      this.#allTimes.add(heldMs);
    } else this.#short++;
    return this.#isComplete(endedMs) ? this.#complete(sample) : undefined;
  }

  #isComplete(nowMs: number): boolean {
    if (nowMs - this.#openedMs < this.#minMs) return false;
    const count = this.#times.count + this.#overloads;
    return count >= this.#minSamples || (count + this.#short >= this.#minSamples && this.#isAbandoned());
  }

  #isAbandoned(): boolean {
    return this.#ignored >= ABANDONED_SHARE * (this.#times.count + this.#overloads + this.#short);
  }

  #complete(sample: LimitSample): WindowSummary {
    const { endedMs, busyMs } = sample;
    const count = this.#times.count + this.#overloads;
    const summary = {
      endedMs,
      busyMs,
      medianMs: median(this.#times.kept),
      skewMs: skew(this.#allTimes.kept),
      utilization: this.#utilization(sample),
      maxInFlight: this.#maxInFlight,
      overloadShare: this.#overloads / Math.max(1, count),
      ignoredShare: (this.#ignored - this.#short) / Math.max(1, count),
      isAbandoned: this.#isAbandoned(),
    };
    this.open(sample);
    return summary;
  }

  /** A window that begins before an overload contains idle time, and its later half does not. */
  #utilization({ endedMs, busyMs }: LimitSample): number {
    const whole = (busyMs - this.#busyMs) / (endedMs - this.#openedMs);
    const middleMs = (this.#openedMs + endedMs) / 2;
    const middle = this.#releases.find((release) => release.endedMs >= middleMs);
    if (middle === undefined || endedMs - middle.endedMs < MIN_HALF_MS) return whole;
    return Math.max(whole, (busyMs - middle.busyMs) / (endedMs - middle.endedMs));
  }

  /** Makes the open window last for `ms` at least. */
  extend(ms: number): void {
    this.#minMs = Math.max(this.#usualMs, ms);
  }

  /** Drops all samples and opens a window that counts permits granted from then on. */
  open({ endedMs, busyMs }: Pick<LimitSample, 'endedMs' | 'busyMs'>): void {
    this.#minMs = this.#usualMs;
    this.#openedMs = endedMs;
    this.#busyMs = busyMs;
    this.#releases = [];
    this.#times = new HoldingTimes();
    this.#allTimes = new HoldingTimes();
    this.#overloads = 0;
    this.#ignored = 0;
    this.#short = 0;
    this.#maxInFlight = 0;
  }
}

/** Holding times of a window. It keeps at most 1,000 of them, spread evenly over the window. */
class HoldingTimes {
  count = 0;
  kept: number[] = [];
  #step = 1;

  add(ms: number): void {
    if (this.count++ % this.#step !== 0) return;
    this.kept.push(ms);
    if (this.kept.length < MAX_TIMES) return;
    this.kept = this.kept.filter((_, index) => index % 2 === 0);
    this.#step *= 2;
  }
}

function median(times: readonly number[]): number | undefined {
  // A typed array sorts numbers without a call for each comparison.
  return new Float64Array(times).sort()[times.length >> 1];
}

function skew(times: readonly number[]): number {
  const mean = times.reduce((sum, time) => sum + time, 0) / times.length;
  return Math.max(0, mean - (median(times) ?? NaN)) || 0;
}
