import type { LimitSample } from './algorithm.js';
import { SampleWindow } from './sample-window.js';
import type { WindowSummary } from './sample-window.js';
import { isOverload } from './is-overload.js';

/** Permits granted under the lowered limit that make a probe. */
const PROBE_SAMPLES = 10;
/** A baseline that has changed by more than this factor is probed again, */
const CHANGE = 1.5;
/** after this time, in milliseconds: the limit has followed it by then, so that the next probe is lower or higher, too. */
const FOLLOW_UP_MS = 5_000;
/** Time from one probe to the next, in milliseconds, and by which part of it, at random, it is longer. */
const INTERVAL_MS = 60_000;
const JITTER = 0.15;
/** A median so many times the baseline asks for a probe before its turn, */
const JUMP = 2;
/** but not sooner after the last one than this, in milliseconds, */
const PAUSE_MS = 1_000;
/** nor than so many times the baseline. */
const PAUSE_BASELINES = 10;

/**
 * How long a permit is held when nothing queues behind the limiter: the median under a limit lowered for a moment.
 *
 * Under load every time contains queueing, so the least time seen, or the time at some moment, would creep up with the
 * limit, and the limit with it. A probe looks for the truth: once a minute, as in Envoy, jittered, so that a fleet does
 * not probe in step; and when times jump and no raise of the limit tells why.
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

  /** Whether the limit must be low now. */
  get isProbing(): boolean {
    return this.#isProbing;
  }

  /** Takes in a sample while it probes; the summary, if that ends the probe or shows that even this limit is too high. */
  add(sample: LimitSample): WindowSummary | undefined {
    const summary = this.#window.add(sample);
    if (summary?.medianMs !== undefined && !isOverload(summary)) this.note(summary.medianMs, summary.endedMs);
    return summary;
  }

  /** Takes a median for the baseline that was measured with nothing queueing, without a probe. */
  note(medianMs: number, nowMs: number): void {
    const isStable = medianMs <= CHANGE * this.#ms && this.#ms <= CHANGE * medianMs;
    this.#ms = medianMs;
    this.#isProbing = false;
    this.#probedMs = nowMs;
    this.#nextMs = nowMs + (isStable ? INTERVAL_MS : FOLLOW_UP_MS) * (1 + JITTER * this.#random());
  }

  /** Whether times have jumped, so that it is in doubt. */
  isDoubtedBy({ endedMs, medianMs = 0 }: WindowSummary): boolean {
    if (endedMs - this.#probedMs <= Math.max(PAUSE_MS, PAUSE_BASELINES * this.#ms)) return false;
    return medianMs > JUMP * this.#ms;
  }

  /** Whether it is time to probe. */
  isDue({ endedMs }: WindowSummary): boolean {
    return endedMs >= this.#nextMs;
  }

  /** Begins to probe. */
  probe(summary: WindowSummary): void {
    this.#isProbing = true;
    this.#window.open(summary);
  }
}
