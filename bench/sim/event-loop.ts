import type { EventLoopLoad } from 'express-semaphore/adaptive';
import type { SimClock } from './sim-clock.js';

interface Job {
  readonly ms: number;
  readonly done: () => void;
}

/**
 * One thread that runs one job at a time, first in, first out. A job that a promise of the current job starts runs in
 * the same turn, before the queued jobs.
 */
export class EventLoop implements EventLoopLoad {
  readonly #clock: SimClock;
  #queue: Job[] = [];
  #next = 0;
  #sameTurn: Job[] = [];
  #fresh: Job[] = [];
  #isBusy = false;
  #doneMs = 0;
  #startedMs = 0;
  /** Factor on the duration of jobs. */
  slowdown = 1;
  /** True when each granted waiter starts in a turn of its own, as under `limit`. */
  hasFreshTurns = false;

  constructor(clock: SimClock) {
    this.#clock = clock;
  }

  busyMs(): number {
    return this.#doneMs + (this.#isBusy ? this.#clock.now() - this.#startedMs : 0);
  }

  /** Queues a job of `ms` and calls `done` at its end. */
  push(ms: number, done: () => void): void {
    this.#queue.push({ ms: ms * this.slowdown, done });
    if (!this.#isBusy) this.#runNext();
  }

  /** The same for a job that continues the current turn. */
  continue(ms: number, done: () => void): void {
    this.#sameTurn.push({ ms: ms * this.slowdown, done });
    if (!this.#isBusy) this.#runNext();
  }

  /** The same in a turn of its own, after what is queued now. Such jobs follow one another, a turn each. */
  startFresh(ms: number, done: () => void): void {
    if (this.#fresh.push({ ms: ms * this.slowdown, done }) === 1) this.push(0, this.#startNext);
  }

  readonly #startNext = (): void => {
    const job = this.#fresh.shift();
    if (job !== undefined) this.#sameTurn.push(job);
    if (this.#fresh.length > 0) this.push(0, this.#startNext);
  };

  readonly #runNext = (): void => {
    const job = this.#sameTurn.shift() ?? this.#shift();
    this.#isBusy = job !== undefined;
    if (job === undefined) return;
    this.#startedMs = this.#clock.now();
    const finish = (): void => {
      this.#doneMs += job.ms;
      this.#startedMs = this.#clock.now();
      job.done();
    };
    this.#clock.schedule(job.ms, finish, this.#runNext);
  };

  #shift(): Job | undefined {
    const job = this.#queue[this.#next];
    if (job === undefined) return undefined;
    if (++this.#next > 1_000 && this.#next * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#next);
      this.#next = 0;
    }
    return job;
  }
}
