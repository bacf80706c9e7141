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

/** The samples of one window in figures. */
export interface WindowSummary {
  readonly endedMs: number;
  /** Total busy time of the event loop at the end, in milliseconds. */
  readonly busyMs: number;
  /** Median holding time of the samples that succeeded; `undefined` when none did. */
  readonly medianMs: number | undefined;
  /** Share of the window in which the event loop was busy, from 0 to 1. */
  readonly utilization: number;
  /** Largest number of permits held at once. */
  readonly maxInFlight: number;
  /** Share of samples that failed by overload, from 0 to 1. */
  readonly overloadShare: number;
}

/** True when so many samples of a window failed by overload that the limit must fall. */
export function isOverload({ overloadShare }: WindowSummary): boolean {
  return overloadShare >= OVERLOAD_SHARE;
}

/**
 * Collects samples into windows of at least 10 samples and 100 ms, as in Envoy and Netflix' concurrency-limits.
 *
 * A window counts only permits granted after it opened. So each window shows the effect of the current limit, and the
 * limit changes at most once in a holding time.
 */
export class SampleWindow {
  readonly #minSamples: number;
  readonly #minMs: number;
  #openedMs = -Infinity;
  #busyMs = 0;
  #times: number[] = [];
  #overloads = 0;
  #maxInFlight = 0;

  constructor(minSamples = WINDOW_SAMPLES, minMs = WINDOW_MS) {
    this.#minSamples = minSamples;
    this.#minMs = minMs;
  }

  /** Adds a sample. Returns the summary when the sample completes the window, and opens the next window. */
  add(sample: LimitSample): WindowSummary | undefined {
    const { startedMs, endedMs, busyMs, inFlight, isOverload } = sample;
    if (this.#openedMs === -Infinity) this.open({ endedMs: startedMs, busyMs });
    if (startedMs < this.#openedMs) return undefined;
    if (isOverload) this.#overloads++;
    else this.#times.push(endedMs - startedMs);
    this.#maxInFlight = Math.max(this.#maxInFlight, inFlight);
    const count = this.#times.length + this.#overloads;
    if (count < this.#minSamples || endedMs - this.#openedMs < this.#minMs) return undefined;
    const summary = {
      endedMs,
      busyMs,
      medianMs: median(this.#times),
      utilization: (busyMs - this.#busyMs) / (endedMs - this.#openedMs),
      maxInFlight: this.#maxInFlight,
      overloadShare: this.#overloads / count,
    };
    this.open(sample);
    return summary;
  }

  /** Drops all samples and opens a window that counts permits granted from then on. */
  open({ endedMs, busyMs }: Pick<LimitSample, 'endedMs' | 'busyMs'>): void {
    this.#openedMs = endedMs;
    this.#busyMs = busyMs;
    this.#times = [];
    this.#overloads = 0;
    this.#maxInFlight = 0;
  }
}

function median(times: number[]): number | undefined {
  return times.sort((a, b) => a - b)[times.length >> 1];
}
