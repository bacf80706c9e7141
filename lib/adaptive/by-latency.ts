import type { Algorithm, Bounds } from './algorithm.js';
import { Baseline } from './baseline.js';
import { checkBounds, clamp } from './bounds.js';
import { OVERLOAD_SHARE } from './overload-share.js';
import { SampleWindow } from './sample-window.js';

/** What is left of the limit after a window with overload. */
const BACKOFF = 0.9;
/** The limit during a probe, as a part of what it was. */
const PROBE_SHARE = 0.25;

/** The next limit, from this one and from how the median of a window compares with the time without queueing. */
export type Step = (limit: number, medianMs: number, baselineMs: number) => number;

/** What an algorithm that goes by latency can be told. */
export interface LatencyOptions extends Bounds {
  /** From 0 to 1, for the jitter of probes. @defaultValue `Math.random` */
  readonly random?: (() => number) | undefined;
}

/**
 * What algorithms that go by latency have in common: the window, the baseline and its probes, after which the limit is
 * restored; the backoff after overload; and that the limit is left alone while less than half of it is in use, since then
 * latency says nothing about it.
 */
export function byLatency(step: Step, options: LatencyOptions): Algorithm {
  const { random = Math.random } = options;
  const bounds = checkBounds(options);
  const baseline = new Baseline(random);
  const window = new SampleWindow();
  let limit = bounds.initial;

  function current(): number {
    return baseline.isProbing ? Math.max(bounds.min, limit * PROBE_SHARE) : limit;
  }

  return {
    initial: current(),
    next(sample) {
      if (baseline.isProbing) {
        baseline.add(sample);
        window.open(sample.endedMs);
        return current();
      }
      const summary = window.add(sample);
      if (summary === undefined) return limit;
      const { medianMs, maxInFlight, overloadShare, endedMs } = summary;
      if (overloadShare >= OVERLOAD_SHARE || medianMs === undefined) {
        limit = clamp(limit * BACKOFF, bounds);
      } else if (maxInFlight <= bounds.min) {
        baseline.note(medianMs, endedMs);
      } else if (!baseline.probesAfter(summary) && maxInFlight * 2 >= limit) {
        limit = clamp(step(limit, medianMs, baseline.ms), bounds);
      }
      return current();
    },
  };
}
