import type { KeysFrame, LimiterFrame } from '../frame.js';
import { count, duration, perSecond } from './format.js';

/** Conditions of a limiter, the worst first. */
export const CONDITIONS = ['rejecting', 'stuck', 'queueing', 'full', 'free'] as const;

export type Condition = (typeof CONDITIONS)[number];

/** The judgement of the page on one limiter. */
export interface Verdict {
  readonly condition: Condition;
  /** One phrase. For a limiter that rejects it has the rate and the reason. */
  readonly text: string;
  /** The phrase without the figures that the strip shows. */
  readonly short: string;
  /** Calls granted per second. */
  readonly admittedRate: number;
  /** Calls rejected per second. */
  readonly rejectedRate: number;
}

/** Judges a limiter by its current frame and by a frame `seconds` earlier. */
export function judge(now: LimiterFrame, before: LimiterFrame, seconds: number): Verdict {
  const rate = (total: number) => (seconds > 0 ? total / seconds : 0);
  const rejected = newRejections(now, before);
  const rejectedRate = rate(rejected.total);
  const [condition, text, short = text] = conditionOf(now, rejected, rejectedRate);
  return { condition, text, short, admittedRate: rate(now.acquired - before.acquired), rejectedRate };
}

function conditionOf(
  { held, waiting, permits, stuckMs, oldestHeldMs, paused, keys, fleet }: LimiterFrame,
  rejected: NewRejections,
  rejectedRate: number,
): [condition: Condition, text: string, short?: string] {
  if (rejected.total > 0) {
    const reason = reasonOf(rejected.code);
    return ['rejecting', `Rejecting ${perSecond(rejectedRate)}: ${reason}`, `Rejecting: ${reason}`];
  }
  if (stuckMs !== undefined) {
    const text = `Stuck: no permit released for ${duration(stuckMs)}`;
    const oldest = oldestHeldMs === undefined ? '' : `, oldest held ${duration(oldestHeldMs)}`;
    return ['stuck', text + oldest, text];
  }
  if (paused === true) {
    return waiting > 0 ? ['queueing', `Paused, ${count(waiting)} queued`, 'Paused'] : ['full', 'Paused'];
  }
  const allFull = keys !== undefined && areBusiestFull(keys);
  if (waiting > 0) {
    const text = `${count(waiting)} queued`;
    return allFull
      ? ['queueing', `${text}, busiest keys all full`, 'Busiest keys all full']
      : ['queueing', text, 'Queueing'];
  }
  if (allFull) return ['full', 'Busiest keys all full'];
  if (permits !== undefined && (fleet?.held ?? held) >= permits) {
    return ['full', permits === 0 ? 'Paused: the limit is 0' : 'At its limit'];
  }
  return ['free', 'Free'];
}

/** Whether every busy key among those shown holds as many permits as its limit. */
function areBusiestFull({ busiest }: KeysFrame): boolean {
  const busy = busiest.filter(({ held, waiting }) => held + waiting > 0);
  return busy.length > 0 && busy.every(({ held, permits }) => permits !== undefined && held >= permits);
}

/** Whether the totals of `now` continue those of `before`. They do not if another limiter has taken the name. */
export function follows(now: LimiterFrame, before: LimiterFrame): boolean {
  return now.acquired >= before.acquired && rejections(now) >= rejections(before);
}

/** Total of calls rejected, for any reason. */
export function rejections({ rejected }: LimiterFrame): number {
  return Object.values(rejected).reduce((sum, each) => sum + each, 0);
}

interface NewRejections {
  readonly total: number;
  /** Code of most of them. */
  readonly code: string;
}

function newRejections(now: LimiterFrame, before: LimiterFrame): NewRejections {
  let total = 0;
  let most = 0;
  let code = '';
  for (const [each, sum] of Object.entries(now.rejected)) {
    const added = sum - (before.rejected[each] ?? 0);
    total += added;
    if (added > most) [most, code] = [added, each];
  }
  return { total, code };
}

function reasonOf(code: string): string {
  return REASONS.get(code) ?? code;
}

const REASONS = new Map([
  ['ERR_SEMAPHORE_QUEUE_FULL', 'the queue is full'],
  ['ERR_SEMAPHORE_WAIT_TIMEOUT', 'no permit was free in time'],
  ['ERR_SEMAPHORE_WAIT_TOO_LONG', 'the expected wait is too long'],
  ['ERR_SEMAPHORE_CLOSED', 'the limiter is closed'],
  ['ERR_SEMAPHORE_QUEUE_CLEARED', 'the queue was cleared'],
  ['ERR_SEMAPHORE_HOLD_TIMEOUT', 'permits were held for too long'],
  ['ERR_SEMAPHORE_KEY_LIMIT', 'too many keys are in use'],
  ['ERR_SEMAPHORE_LEASE_LOST', 'leases were lost'],
  ['ERR_SEMAPHORE_BACKEND', 'the backend does not answer'],
]);
