import type { LimitSample } from './algorithm.js';
import { isOverload, SampleWindow } from './sample-window.js';
import type { WindowSummary } from './sample-window.js';

/** Samples of one probe. */
const PROBE_SAMPLES = 10;
/** A baseline that changed by more than this factor is probed again after `FOLLOW_UP_MS`. */
const CHANGE = 1.5;
/** Time to the next probe after a change, in milliseconds. The limit has followed the change by then. */
const FOLLOW_UP_MS = 5_000;
/** Time to the next probe otherwise, in milliseconds. */
const INTERVAL_MS = 60_000;
/** Largest random extension of both times, as a share. It keeps a fleet from probing in step. */
const JITTER = 0.15;
/** A median above this multiple of the baseline puts the baseline in doubt. */
const JUMP = 2;
/** Time after a probe without doubt, in milliseconds. */
const PAUSE_MS = 1_000;
/** The same as a multiple of the baseline; the longer time applies. */
const PAUSE_BASELINES = 10;

/**
 * How long a permit is held when nothing queues behind the limiter.
 *
 * Under load every holding time contains queueing. A minimum or a recent time would rise with the limit, and the limit
 * with it. So the baseline is the median of a probe: a few permits held under a lowered limit. Source: the minimum RTT
 * of Envoy's adaptive concurrency filter.
 */
export class Baseline {
  readonly #random: () => number;
  #ms = Infinity;
  #isProbing = true;
  #probedMs = -Infinity;
  #nextMs = -Infinity;
  readonly #window = new SampleWindow(PROBE_SAMPLES, 0);

  constructor(random: () => number) {
    this.#random = random;
  }

  get ms(): number {
    return this.#ms;
  }

  /** True while the limit must be low. */
  get isProbing(): boolean {
    return this.#isProbing;
  }

  /** Adds a sample of a probe. Returns the summary of the last one. A probe that met overload goes on. */
  add(sample: LimitSample): WindowSummary | undefined {
    const summary = this.#window.add(sample);
    if (summary?.medianMs !== undefined && !isOverload(summary)) this.set(summary.medianMs, summary.endedMs);
    return summary;
  }

  /** Sets the baseline to a median that was measured without a queue. */
  set(medianMs: number, nowMs: number): void {
    const isStable = medianMs <= CHANGE * this.#ms && this.#ms <= CHANGE * medianMs;
    this.#ms = medianMs;
    this.#isProbing = false;
    this.#probedMs = nowMs;
    this.#nextMs = nowMs + (isStable ? INTERVAL_MS : FOLLOW_UP_MS) * (1 + JITTER * this.#random());
  }

  /** True when times have jumped far above the baseline, and it is not fresh. */
  isInDoubt({ endedMs, medianMs = 0 }: WindowSummary): boolean {
    if (endedMs - this.#probedMs <= Math.max(PAUSE_MS, PAUSE_BASELINES * this.#ms)) return false;
    return medianMs > JUMP * this.#ms;
  }

  /** True when it is time for the next probe. */
  isDue({ endedMs }: WindowSummary): boolean {
    return endedMs >= this.#nextMs;
  }

  /** Starts a probe. */
  probe(summary: WindowSummary): void {
    this.#isProbing = true;
    this.#window.open(summary);
  }
}
