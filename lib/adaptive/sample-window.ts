import type { LimitSample } from './algorithm.js';

/** The shortest window, in milliseconds. */
const WINDOW_MS = 100;
/** The fewest samples in a window. */
const WINDOW_SAMPLES = 10;

/** What a window's samples tell together. */
export interface WindowSummary {
  readonly endedMs: number;
  /** Milliseconds in which the thread had been at work by then. */
  readonly busyMs: number;
  /** The median time of those that did not fail; `undefined` if all did. */
  readonly medianMs: number | undefined;
  /** The part of the window in which the thread was at work, from 0 to 1. */
  readonly utilization: number;
  /** Most permits out at once. */
  readonly maxInFlight: number;
  /** The part that failed by overload, from 0 to 1. */
  readonly overloadShare: number;
}

/**
 * Gathers samples until they say something: 10 of them and 100 ms, as in Envoy's and Netflix' windows.
 *
 * Only permits granted since the window was opened count. So each window shows the effect of the limit that was set
 * when the last one was closed, and the limit moves once a holding time at the most.
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

  /** Takes in a sample; the summary, if that closes the window, which is opened again then. */
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

  /** Forgets what it has, and counts permits granted from then on. */
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
