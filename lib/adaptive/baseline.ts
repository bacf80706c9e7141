import type { LimitSample } from './algorithm.js';
import { isOverload, isThreadIdle, SampleWindow } from './sample-window.js';
import type { WindowSummary } from './sample-window.js';

/** Samples of one step of a probe. */
const PROBE_SAMPLES = 10;
/** Factor on the limit from one step of a probe to the next. */
const STEP = 0.5;
/** A median below this share of the median before has fallen, while the event loop has time to spare. */
const FALL = Math.SQRT1_2;
/** The same while the event loop is busy, since its backlog takes several steps to end. */
const BUSY_FALL = 0.9;
/** A baseline that changed by more than this factor is probed again after `FOLLOW_UP_MS`. */
const CHANGE = 1.5;
/** Time to the next probe after a change, in milliseconds. The limit has followed the change by then. */
const FOLLOW_UP_MS = 5_000;
/** Time to the next probe otherwise, in milliseconds. */
const INTERVAL_MS = 60_000;
/** Largest random extension of both times, as a share. It keeps a fleet from probing in step. */
const JITTER = 0.15;

/** The part of a baseline that another process can go on with. */
export interface BaselineState {
  readonly ms: number | null;
  readonly measuredMs: number | null;
  readonly nextMs: number | null;
}

/**
 * How long a permit is held when nothing queues behind the limiter.
 *
 * Under load every holding time contains queueing. A minimum or a recent time would rise with the limit, and the limit
 * with it. So a probe measures the baseline: it halves the limit until times stop falling and the event loop has time to
 * spare. Source: the minimum RTT of Envoy's adaptive concurrency filter, which lowers the limit to 3 at once.
 */
export class Baseline {
  readonly #random: () => number;
  readonly #minPermits: number;
  readonly #firstLimit: number;
  readonly #window = new SampleWindow(PROBE_SAMPLES, 0);
  #ms = Infinity;
  /** Limit of the current step of a probe. */
  #probeLimit: number | undefined;
  /** Median of the step before. */
  #previousMs = 0;
  #measuredMs = -Infinity;
  #nextMs = -Infinity;

  /** Starts with a probe at a limit of `firstLimit`, of one step. */
  constructor(random: () => number, minPermits: number, firstLimit: number) {
    this.#random = random;
    this.#minPermits = minPermits;
    this.#firstLimit = Math.max(minPermits, firstLimit);
    this.#probeLimit = this.#firstLimit;
  }

  get ms(): number {
    return this.#ms;
  }

  /** Time of the last measurement, in milliseconds. */
  get measuredMs(): number {
    return this.#measuredMs;
  }

  /** The limit that a probe needs now; `undefined` when there is no probe. */
  get probeLimit(): number | undefined {
    return this.#probeLimit;
  }

  /** What it has measured. A probe is no part of it. JSON has no infinite numbers, so it makes them `null`. */
  get state(): BaselineState {
    return { ms: this.#ms, measuredMs: this.#measuredMs, nextMs: this.#nextMs };
  }

  set state({ ms, measuredMs, nextMs }: BaselineState) {
    this.#ms = ms ?? Infinity;
    this.#measuredMs = measuredMs ?? -Infinity;
    this.#nextMs = nextMs ?? -Infinity;
    this.#probeLimit = this.#ms === Infinity ? this.#firstLimit : undefined;
  }

  /** Starts a probe of a limit at which the median was `medianMs`. */
  probe(limit: number, medianMs: number, now: WindowSummary): void {
    this.#probeLimit = Math.max(this.#minPermits, limit * STEP);
    this.#previousMs = medianMs;
    this.#window.open(now);
  }

  /** Adds a sample of a probe. Returns a summary at the end of each step. */
  add(sample: LimitSample, shortestMs: number): WindowSummary | undefined {
    const summary = this.#window.add(sample, shortestMs);
    if (summary?.medianMs === undefined || this.#probeLimit === undefined || isOverload(summary))
      return summary;
    const { medianMs, endedMs } = summary;
    const isIdle = isThreadIdle(summary);
    const isCensored = summary.ignoredShare >= 0.5;
    const isFalling = medianMs < (isIdle ? FALL : BUSY_FALL) * this.#previousMs;
    const isFirst = this.#ms === Infinity;
    if (isFirst || (!isFalling && (isIdle || this.#probeLimit === this.#minPermits))) {
      this.set(isCensored ? Math.max(medianMs, this.#previousMs) : medianMs, endedMs);
    } else {
      this.#probeLimit = Math.max(this.#minPermits, this.#probeLimit * STEP);
      this.#previousMs = medianMs;
    }
    return summary;
  }

  /** Sets the baseline to a median that was measured without a queue. Ends a probe. */
  set(medianMs: number, nowMs: number): void {
    const isStable = medianMs <= CHANGE * this.#ms && this.#ms <= CHANGE * medianMs;
    this.#ms = medianMs;
    this.#probeLimit = undefined;
    this.#measuredMs = nowMs;
    this.#nextMs = nowMs + (isStable ? INTERVAL_MS : FOLLOW_UP_MS) * (1 + JITTER * this.#random());
  }

  /** True when it is time for the next probe. */
  isDue({ endedMs }: WindowSummary): boolean {
    return endedMs >= this.#nextMs;
  }
}
