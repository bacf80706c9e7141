import type { SemaphoreError, SemaphoreErrorCode } from '../errors.js';
import type { LimiterStats } from './limiter.js';

/** What a limiter has done so far: the totals of its `stats()`. */
export class Tally {
  acquired = 0;
  aborted = 0;
  waitedMs = 0;
  readonly #rejected: Record<SemaphoreErrorCode, number> = {
    ERR_SEMAPHORE_QUEUE_FULL: 0,
    ERR_SEMAPHORE_WAIT_TIMEOUT: 0,
    ERR_SEMAPHORE_CLOSED: 0,
    ERR_SEMAPHORE_KEY_LIMIT: 0,
  };

  /** Counts a refusal, and hands back its error. */
  refuse(error: SemaphoreError): SemaphoreError {
    this.#rejected[error.code]++;
    return error;
  }

  /** The totals beside what is going on `now`, frozen. */
  snapshot(now: Pick<LimiterStats, 'permits' | 'held' | 'available' | 'waiting'>): LimiterStats {
    return Object.freeze({
      permits: now.permits,
      held: now.held,
      available: now.available,
      waiting: now.waiting,
      acquired: this.acquired,
      rejected: Object.freeze({ ...this.#rejected }),
      aborted: this.aborted,
      waitedMs: this.waitedMs,
    });
  }
}
