import { requireFunction, requireOptions } from '../internal/validate.js';
import { clamp, resolveBounds } from './algorithm.js';
import type { LimitAlgorithm, LimitBounds } from './algorithm.js';
import { Baseline } from './baseline.js';
import { isOverload, SampleWindow } from './sample-window.js';
import type { WindowSummary } from './sample-window.js';
import { isThreadIdle, TRIAL_FACTOR, TrialRaise } from './trial-raise.js';

/** Share of the limit that a fully overloaded window takes away. */
const MAX_BACKOFF = 0.5;
/** The limit during a probe, as a share of the limit before. */
const PROBE_SHARE = 0.25;
/** Smallest share of the limit in use from which it may grow. */
const GROWTH_SHARE = 0.75;

/** Computes the next limit from the median of a window and the baseline. */
export type Step = (limit: number, medianMs: number, baselineMs: number) => number;

/** Options of an algorithm that follows latency. */
export interface LatencyOptions extends LimitBounds {
  /** Returns numbers from 0 to 1, for the jitter of probes. @defaultValue `Math.random` */
  readonly random?: (() => number) | undefined;
}

/**
 * Makes an algorithm that follows latency by `step`: the common part of `gradient` and `vegas`.
 *
 * It adds the windows, the baseline and its probes, trial raises while the event loop is idle, and the back-off after
 * overload. It leaves the limit unchanged while less than half of it is in use.
 */
export function latencyControl(name: string, step: Step, options: LatencyOptions): LimitAlgorithm {
  requireOptions(options);
  const { random = Math.random, ...boundOptions } = options;
  requireFunction('random', random);
  const bounds = resolveBounds(name, boundOptions);
  const baseline = new Baseline(random);
  const window = new SampleWindow();
  let limit = bounds.initial;
  let trial: TrialRaise | undefined;

  function current(): number {
    return baseline.isProbing ? Math.max(bounds.min, limit * PROBE_SHARE) : limit;
  }

  function backOff({ overloadShare }: WindowSummary): number {
    return clamp(limit * (1 - MAX_BACKOFF * overloadShare), bounds);
  }

  return {
    initial: current(),
    next(sample) {
      if (baseline.isProbing) {
        const probe = baseline.add(sample);
        if (probe !== undefined && isOverload(probe)) limit = backOff(probe);
        window.open(sample);
        return current();
      }
      const summary = window.add(sample);
      if (summary === undefined) return limit;
      const { medianMs, maxInFlight, endedMs } = summary;
      const ended = trial;
      trial = undefined;
      if (ended !== undefined) limit = clamp(ended.keep(summary), bounds);
      if (medianMs === undefined || isOverload(summary)) {
        limit = backOff(summary);
      } else if (ended !== undefined) {
        if (ended.isFollowed(medianMs, maxInFlight)) baseline.set(medianMs, endedMs);
        else {
          limit = ended.limit;
          baseline.probe(summary);
        }
      } else if (maxInFlight <= bounds.min && maxInFlight * 2 < limit) {
        baseline.set(medianMs, endedMs);
      } else if (baseline.isInDoubt(summary) && isThreadIdle(summary)) {
        trial = new TrialRaise(limit, medianMs, maxInFlight);
        limit = clamp(limit * TRIAL_FACTOR, bounds);
      } else if (baseline.isInDoubt(summary) || baseline.isDue(summary)) {
        baseline.probe(summary);
      } else if (maxInFlight * 2 >= limit) {
        const wanted = step(limit, medianMs, baseline.ms);
        if (wanted < limit || maxInFlight >= limit * GROWTH_SHARE) limit = clamp(wanted, bounds);
      }
      return current();
    },
  };
}
