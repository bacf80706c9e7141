import type { SemaphoreError, SemaphoreErrorCode } from '../errors.js';
import type { Clock } from './clock.js';
import type { LimiterStats } from './limiter.js';
import type { Waiter } from './waiter.js';

/** In a line up to this long every waiter's time is taken. */
const SHORT_LINE = 16;
/** In a longer one, one in so many stands for all: reading the clock is a quarter of what a wait costs. */
const SAMPLE = 32;

/** What a limiter has done so far: the totals of its `stats()`. */
export class Tally {
  acquired = 0;
  aborted = 0;
  waitedMs = 0;
  #untimed = 0;
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

  /** Notes when `waiter` joins a line of `length`, if its time is taken. */
  join(waiter: Waiter, length: number, clock: Clock): void {
    if (length < SHORT_LINE) waiter.standsFor = 1;
    else if (++this.#untimed === SAMPLE) {
      waiter.standsFor = SAMPLE;
      this.#untimed = 0;
    } else return;
    waiter.since = clock.now();
  }

  /** Adds up how long `waiter` stood in line. */
  leave(waiter: Waiter, clock: Clock): void {
    if (waiter.since !== undefined) this.waitedMs += waiter.standsFor * (clock.now() - waiter.since);
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
