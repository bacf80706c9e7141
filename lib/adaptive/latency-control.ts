import { readOptions, unchecked } from '../internal/options.js';
import { integer, requireFunction } from '../internal/validate.js';
import { clamp, resolveBounds } from './algorithm.js';
import type { LimitAlgorithm, LimitBounds } from './algorithm.js';
import { Baseline } from './baseline.js';
import type { BaselineState } from './baseline.js';
import { isOverload, isThreadIdle, SampleWindow } from './sample-window.js';
import type { WindowSummary } from './sample-window.js';
import { TRIAL_FACTOR, TrialRaise } from './trial-raise.js';

/** Share of the limit that a fully overloaded window takes away. */
const MAX_BACKOFF = 0.5;
/** The limit during the first probe, as a share of `initialPermits`. */
const FIRST_PROBE_SHARE = 0.25;
/** Smallest share of the limit in use from which the limit changes. */
const USE_SHARE = 0.5;
/** Smallest share of the limit in use from which it may grow. */
const GROWTH_SHARE = 0.75;
/** Smallest share of the limit in use from which it may hold callers back. */
const FULL_SHARE = 0.9;
/** Holding times above this multiple of the baseline put the baseline in doubt. */
const DOUBT = 1.25;
/** Holding times above this multiple of the baseline are long. They put it in doubt at once while the thread is idle. */
const JUMP = 2;
/**
 * Shortest time from a measurement of the baseline to a doubt, in milliseconds. While the thread is busy, times must stay
 * long for the same time although the limit falls.
 */
const PAUSE_MS = 1_000;
/** The same as a multiple of the baseline; the longer time applies. */
const PAUSE_BASELINES = 10;
/** Longest time between two doubts, in milliseconds. Each trial raise that found a queue doubles the time. */
const MAX_PAUSE_MS = 60_000;
/** Ignored permits that were held for less than this multiple of the baseline say nothing. */
const IGNORED_BASELINES = 0.75;
/** Ignored permits that were held for longer count as streams, which the client ends, in milliseconds. */
const STREAM_MS = 30_000;
/** A median below this share of the baseline replaces it. */
const FALL = Math.SQRT1_2;
/** Weight of a new window in the average of the skew. */
const SKEW_WEIGHT = 0.2;

/** Computes the next limit from the holding time of a window and the holding time without a queue. */
export type Step = (limit: number, timeMs: number, baselineMs: number) => number;

/** What the algorithm has learned. An open window, a probe and a trial raise are no part of it. */
interface LatencyState {
  readonly limit: number;
  readonly skewMs: number;
  readonly pauseMs: number;
  readonly doubtedMs: number | null;
  readonly baseline: BaselineState;
}

/** Options of an algorithm that follows latency. */
export interface LatencyOptions extends LimitBounds {
  /** Returns numbers from 0 to 1, for the jitter of probes. @defaultValue `Math.random` */
  readonly random?: (() => number) | undefined;
}

/**
 * Makes an algorithm that follows latency by `step`: the common part of `gradient`, `vegas` and `aimd`.
 *
 * It adds the windows, the baseline and its probes, trial raises while the event loop is idle, and the back-off after
 * overload. It leaves the limit unchanged while less than half of it is in use.
 *
 * Holding times are means. A queue adds the same time to every permit, so the shift of the median measures it. The mean
 * without a queue is the baseline plus the skew: the difference of mean and median.
 */
export function latencyControl(name: string, step: Step, options: LatencyOptions): LimitAlgorithm {
  const { random = Math.random, ...boundOptions } = readOptions(name, options, {
    random: requireFunction,
    minPermits: integer(1),
    maxPermits: unchecked,
    initialPermits: unchecked,
  });
  const bounds = resolveBounds(boundOptions);
  const baseline = new Baseline(random, bounds.min, bounds.initial * FIRST_PROBE_SHARE);
  let window = new SampleWindow();
  let limit = bounds.initial;
  let trial: TrialRaise | undefined;
  let skewMs = 0;
  let pauseMs = PAUSE_MS;
  let doubtedMs = -Infinity;
  /** Start of the time in which a busy thread has explained long holding times. */
  let longSinceMs = Infinity;

  function current(): number {
    return baseline.probeLimit ?? limit;
  }

  function backOff({ overloadShare, isAbandoned }: WindowSummary): void {
    limit = clamp(limit * (1 - MAX_BACKOFF * (isAbandoned ? 1 : overloadShare)), bounds);
  }

  /** True when nearly all clients left, and not for the wait in the queue of the limiter alone. */
  function isAbandonedByLoad(summary: WindowSummary): boolean {
    if (!summary.isAbandoned) return false;
    return !isThreadIdle(summary) || (summary.medianMs ?? 0) >= baseline.ms;
  }

  function isInDoubt(summary: WindowSummary, timeMs: number): boolean {
    const { endedMs, maxInFlight } = summary;
    const isFresh = endedMs - baseline.measuredMs <= Math.max(PAUSE_MS, PAUSE_BASELINES * baseline.ms);
    if (isFresh) return false;
    if (!isThreadIdle(summary)) return endedMs - Math.max(doubtedMs, longSinceMs) > PAUSE_MS;
    const factor = timeMs / (baseline.ms + skewMs);
    if (factor > JUMP) return endedMs - doubtedMs > PAUSE_MS;
    const isFull = maxInFlight >= FULL_SHARE * limit;
    return factor > DOUBT && isFull && endedMs - doubtedMs > pauseMs;
  }

  function startTrial(summary: WindowSummary, timeMs: number): void {
    trial = new TrialRaise(limit, timeMs, summary);
    limit = clamp(limit * TRIAL_FACTOR, bounds);
    // In a queue, the permits of the trial raise are held for twice the time.
    window.extend(TRIAL_FACTOR * timeMs);
  }

  function endTrial(ended: TrialRaise, summary: WindowSummary, medianMs: number, isUsedUp: boolean): void {
    const timeMs = medianMs + skewMs;
    const verdict = ended.judge(timeMs, summary);
    pauseMs = verdict === 'slow' ? PAUSE_MS : Math.min(MAX_PAUSE_MS, 2 * pauseMs);
    if (verdict === 'slow') {
      baseline.set(medianMs, summary.endedMs);
      if (isUsedUp) startTrial(summary, timeMs);
    } else {
      limit = ended.limit;
      const baselineMs = baseline.ms + skewMs;
      if (verdict === 'queue') limit = clamp(Math.min(limit, step(limit, timeMs, baselineMs)), bounds);
      else if (timeMs > DOUBT * baselineMs) baseline.probe(limit, medianMs, summary);
    }
  }

  function adapt(summary: WindowSummary): void {
    const { medianMs, maxInFlight, endedMs } = summary;
    skewMs += SKEW_WEIGHT * (summary.skewMs - skewMs);
    const ended = trial;
    const isUsedUp = maxInFlight >= FULL_SHARE * limit;
    trial = undefined;
    if (isOverload(summary) || isAbandonedByLoad(summary)) {
      limit = ended?.limit ?? limit;
      backOff(summary);
      return;
    }
    if (ended !== undefined) limit = clamp(ended.keep(summary), bounds);
    if (medianMs === undefined) return;
    if (medianMs < FALL * baseline.ms && summary.ignoredShare < 0.5) baseline.set(medianMs, endedMs);
    const timeMs = medianMs + skewMs;
    const isLong = timeMs > JUMP * (baseline.ms + skewMs);
    longSinceMs = isLong && !isThreadIdle(summary) ? Math.min(longSinceMs, endedMs) : Infinity;
    if (ended !== undefined) endTrial(ended, summary, medianMs, isUsedUp);
    else if (maxInFlight <= bounds.min && maxInFlight * 2 < limit) baseline.set(medianMs, endedMs);
    else if (isInDoubt(summary, timeMs)) {
      doubtedMs = endedMs;
      if (isThreadIdle(summary)) startTrial(summary, timeMs);
      else baseline.probe(limit, medianMs, summary);
    } else if (maxInFlight >= limit * USE_SHARE) {
      if (!isLong && baseline.isDue(summary)) baseline.probe(limit, medianMs, summary);
      else {
        const wanted = step(limit, timeMs, baseline.ms + skewMs);
        if (wanted < limit || maxInFlight >= limit * GROWTH_SHARE) limit = clamp(wanted, bounds);
      }
    }
  }

  return {
    initial: current(),
    next(sample) {
      // A client ends a stream at any time, and the first baseline must come from work that succeeded.
      const heldMs = sample.endedMs - sample.startedMs;
      if (sample.outcome === 'ignore' && (heldMs > STREAM_MS || baseline.ms === Infinity)) return current();
      const shortestMs = IGNORED_BASELINES * baseline.ms;
      if (baseline.probeLimit !== undefined) {
        const probe = baseline.add(sample, shortestMs);
        if (probe !== undefined && isOverload(probe)) backOff(probe);
        window.open(sample);
        return current();
      }
      const summary = window.add(sample, shortestMs);
      if (summary !== undefined) adapt(summary);
      return current();
    },
    get state(): LatencyState {
      return { limit: trial?.limit ?? limit, skewMs, pauseMs, doubtedMs, baseline: baseline.state };
    },
    set state(learned: LatencyState) {
      limit = clamp(learned.limit, bounds);
      ({ skewMs, pauseMs } = learned);
      doubtedMs = learned.doubtedMs ?? -Infinity;
      baseline.state = learned.baseline;
      trial = undefined;
      longSinceMs = Infinity;
      window = new SampleWindow();
    },
  };
}
