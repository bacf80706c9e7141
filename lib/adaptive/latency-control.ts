import { requireFunction, requireOptions } from '../internal/validate.js';
import type { LimitAlgorithm, LimitBounds } from './algorithm.js';
import { Baseline } from './baseline.js';
import { checkBounds, clamp } from './bounds.js';
import { isOverload } from './is-overload.js';
import { isThreadIdle, TrialRaise, TRIAL_FACTOR } from './trial-raise.js';
import { SampleWindow } from './sample-window.js';
import type { WindowSummary } from './sample-window.js';

/** By which part the limit gives way to a window that failed as a whole; to others in proportion. */
const MAX_BACKOFF = 0.5;
/** The limit during a probe, as a part of what it was. */
const PROBE_SHARE = 0.25;

/** The limit grows only while at least this part of it is in use: more would be room that nobody has tried. */
const GROWTH_SHARE = 0.75;

/** The next limit, from this one and from how the median of a window compares with the time without queueing. */
export type Step = (limit: number, medianMs: number, baselineMs: number) => number;

/** What an algorithm that goes by latency can be told. */
export interface LatencyOptions extends LimitBounds {
  /** From 0 to 1, for the jitter of probes. @defaultValue `Math.random` */
  readonly random?: (() => number) | undefined;
}

/**
 * What algorithms that go by latency have in common: the window, the baseline and its probes, after which the limit is
 * restored; how a jump is looked into, by a raise where the thread has time to spare, by a probe where not; the backoff after overload; and that the limit is left alone while less than half of it is in use, since then
 * latency says nothing about it.
 */
export function latencyControl(name: string, step: Step, options: LatencyOptions): LimitAlgorithm {
  requireOptions(options);
  const { random = Math.random, ...boundOptions } = options;
  requireFunction('random', random);
  const bounds = checkBounds(name, boundOptions);
  const baseline = new Baseline(random);
  const window = new SampleWindow();
  let limit = bounds.initial;
  /** While the limit is raised, to see what comes of it. */
  let raise: TrialRaise | undefined;

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
      const raised = raise;
      raise = undefined;
      if (raised !== undefined) limit = clamp(raised.keep(summary), bounds);
      if (medianMs === undefined || isOverload(summary)) {
        limit = backOff(summary);
      } else if (raised !== undefined) {
        if (raised.isFollowed(medianMs, maxInFlight)) baseline.note(medianMs, endedMs);
        else {
          limit = raised.limit;
          baseline.probe(summary);
        }
      } else if (maxInFlight <= bounds.min && maxInFlight * 2 < limit) {
        baseline.note(medianMs, endedMs);
      } else if (baseline.isDoubtedBy(summary) && isThreadIdle(summary)) {
        raise = new TrialRaise(limit, medianMs, maxInFlight);
        limit = clamp(limit * TRIAL_FACTOR, bounds);
      } else if (baseline.isDoubtedBy(summary) || baseline.isDue(summary)) {
        baseline.probe(summary);
      } else if (maxInFlight * 2 >= limit) {
        const wished = step(limit, medianMs, baseline.ms);
        if (wished < limit || maxInFlight >= limit * GROWTH_SHARE) limit = clamp(wished, bounds);
      }
      return current();
    },
  };
}
