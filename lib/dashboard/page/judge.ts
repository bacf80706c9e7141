import type { LimiterFrame } from '../frame.js';
import { count, perSecond } from './format.js';

/** How a limiter does, from good to bad. */
export type Condition = 'free' | 'full' | 'queueing' | 'rejecting';

/** What is said of a limiter. */
export interface Verdict {
  readonly condition: Condition;
  /** A sentence; of one that is rejecting it names the reason. */
  readonly text: string;
  /** Grants and rejections in a second. */
  readonly admittedRate: number;
  readonly rejectedRate: number;
}

/** Judges a limiter by how it stands now and how it stood `seconds` before. */
export function judge(now: LimiterFrame, before: LimiterFrame, seconds: number): Verdict {
  const rate = (total: number) => (seconds > 0 ? total / seconds : 0);
  const rejected = newRejections(now, before);
  const rejectedRate = rate(rejected.total);
  const admittedRate = rate(now.acquired - before.acquired);
  const rates = { admittedRate, rejectedRate };
  if (rejected.total > 0) {
    return {
      condition: 'rejecting',
      text: `Rejecting ${perSecond(rejectedRate)}: ${reasonOf(rejected.code)}`,
      ...rates,
    };
  }
  if (now.waiting > 0) return { condition: 'queueing', text: `${count(now.waiting)} queued`, ...rates };
  if (now.permits !== undefined && now.held >= now.permits) {
    return {
      condition: 'full',
      text: now.permits === 0 ? 'Paused: the limit is 0' : 'At its limit',
      ...rates,
    };
  }
  return { condition: 'free', text: 'Free', ...rates };
}

/** Whether the totals of `now` go on from those of `before`, rather than being those of another limiter. */
export function follows(now: LimiterFrame, before: LimiterFrame): boolean {
  return now.acquired >= before.acquired && rejections(now) >= rejections(before);
}

/** All rejections so far. */
export function rejections({ rejected }: LimiterFrame): number {
  return Object.values(rejected).reduce((sum, each) => sum + each, 0);
}

function newRejections(now: LimiterFrame, before: LimiterFrame): { total: number; code: string } {
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
  ['ERR_SEMAPHORE_WAIT_TIMEOUT', 'no permit came free in time'],
  ['ERR_SEMAPHORE_WAIT_TOO_LONG', 'the queue is too long to be served in time'],
  ['ERR_SEMAPHORE_CLOSED', 'it is closed'],
  ['ERR_SEMAPHORE_KEY_LIMIT', 'too many keys are in use'],
  ['ERR_SEMAPHORE_LEASE_LOST', 'leases were lost'],
  ['ERR_SEMAPHORE_BACKEND', 'its backend does not answer'],
]);
