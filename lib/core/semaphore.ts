import { ClosedError, QueueFullError, WaitTimeoutError } from '../errors.js';
import type { SemaphoreError } from '../errors.js';
import { FifoQueue } from '../queue/fifo.js';
import { systemClock } from './clock.js';
import type { Clock } from './clock.js';
import { IdleNotice } from './idle-notice.js';
import type { AcquireOptions, Limiter, LimiterStats, Outcome, Permit, TryAcquireOptions } from './limiter.js';
import { HeldPermit } from './permit.js';
import { ReleaseRate } from './release-rate.js';
import { runWithPermit } from './run.js';
import { TALLY, Tally } from './tally.js';
import { describe, requireDuration, requireInteger, requireIntegerOrInfinity } from './validate.js';
import { Waiter } from './waiter.js';
import type { Departure } from './waiter.js';

/** How a `Semaphore` lets callers wait. */
export interface SemaphoreOptions {
  /** What it is called in `stats()` and in metrics. */
  readonly name?: string | undefined;

  /** Waiters admitted while no permit is free; the next is refused. @defaultValue `Infinity` */
  readonly queueLimit?: number | undefined;

  /** Longest a waiter stands in line, in milliseconds, unless `acquire` says otherwise. @defaultValue `Infinity` */
  readonly maxWaitMs?: number | undefined;

  /** Where time comes from, for tests and simulations. @defaultValue the platform's monotonic clock */
  readonly clock?: Clock | undefined;
}

/**
 * A counting semaphore for this process: at most `permits` are out at once, the rest wait first in, first out.
 *
 * A release hands its permit to the next waiter at once: nobody can barge in, and no permit is free while
 * a waiter that it fits stands first in line. A heavy waiter at the head gathers permits until it has enough.
 *
 * @throws `TypeError` or `RangeError` from the constructor and `resize`, naming the option and the value.
 *
 * @example
 * ```ts
 * const semaphore = new Semaphore(2);
 * const body = await semaphore.run(() => download('https://example.org'));
 * ```
 */
export class Semaphore implements Limiter {
  readonly #queue = new FifoQueue<Waiter>();
  readonly #queueLimit: number;
  readonly #maxWaitMs: number;
  readonly #clock: Clock;
  readonly #releaseRate = new ReleaseRate();
  readonly #tally: Tally;
  readonly #idleNotice = new IdleNotice();

  #permits: number;
  #held = 0;
  #closed: ErrorOptions | undefined;
  #released = 0;

  /** `permits` is how many may be out at once; 0 makes everybody wait for a `resize`. */
  constructor(permits: number, options: SemaphoreOptions = {}) {
    const { name, queueLimit = Infinity, maxWaitMs = Infinity, clock = systemClock } = options;
    requireInteger('permits', permits, 0);
    requireIntegerOrInfinity('queueLimit', queueLimit, 0);
    requireDuration('maxWaitMs', maxWaitMs);
    this.#permits = permits;
    this.#queueLimit = queueLimit;
    this.#maxWaitMs = maxWaitMs;
    this.#clock = clock;
    this.#tally = new Tally(name);
  }

  /** @internal */
  get [TALLY](): Tally {
    return this.#tally;
  }

  /** The limit. */
  get permits(): number {
    return this.#permits;
  }

  /** Permits out. */
  get held(): number {
    return this.#held;
  }

  /** Permits free. */
  get available(): number {
    return Math.max(0, this.#permits - this.#held);
  }

  /** Waiters in line. */
  get waiting(): number {
    return this.#queue.size;
  }

  /**
   * {@inheritDoc Limiter.acquire}
   *
   * A granted permit is yours even if the signal aborts before you look: an aborted signal never acquires, and
   * a grant is never taken back.
   */
  acquire(options?: AcquireOptions): Promise<Permit> {
    try {
      return this.#acquire(options);
    } catch (error) {
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- an abort rejects with its reason, whatever that is
      return Promise.reject(error);
    }
  }

  tryAcquire({ weight = 1 }: TryAcquireOptions = {}): Permit | undefined {
    if (weight !== 1) requireInteger('weight', weight, 1);
    return this.#isFree(weight) ? this.#grant(weight) : undefined;
  }

  /** Calls `work` with a permit, and releases it when the work has settled, whichever way. */
  run<Result>(
    work: (permit: Permit) => Result | PromiseLike<Result>,
    options?: AcquireOptions,
  ): Promise<Result> {
    return runWithPermit(this, work, options);
  }

  /**
   * Changes the limit. More permits serve the next waiters at once. Fewer revoke nothing: they take effect as
   * permits come back. Waiters that weigh more than the new limit are refused with a `RangeError`.
   */
  resize(permits: number): void {
    requireInteger('permits', permits, 0);
    this.#permits = permits;
    this.#tally.changeLimit(permits, this.#clock);
    for (const waiter of this.#queue) {
      if (this.#isTooHeavy(waiter.weight)) this.#dismiss(waiter, this.#tooHeavy(waiter.weight));
    }
    this.#serve();
  }

  close(reason?: unknown): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason === undefined ? {} : { cause: reason };
    for (const waiter of this.#queue) this.#dismiss(waiter, this.#closedError());
    this.#noticeIdle();
  }

  idle(): Promise<void> {
    return this.#idleNotice.wait(this.#isIdle());
  }

  stats(): LimiterStats {
    const clock = this.#clock;
    return this.#tally.limiterStats(this, this.#releaseRate.perMs(this.#released, clock.now()), clock);
  }

  #acquire(options: AcquireOptions = NO_OPTIONS): Promise<Permit> {
    const { weight = 1, signal, maxWaitMs = this.#maxWaitMs } = options;
    if (weight !== 1) requireInteger('weight', weight, 1);
    if (maxWaitMs !== Infinity) requireDuration('maxWaitMs', maxWaitMs);
    if (signal !== undefined) this.#requireLive(signal);
    if (this.#closed !== undefined) throw this.#closedError();
    if (this.#isTooHeavy(weight)) throw this.#tooHeavy(weight);
    if (this.#isFree(weight)) return Promise.resolve(this.#grant(weight, signal));
    if (maxWaitMs === 0) throw this.#waitTimeout();
    if (this.#queue.size >= this.#queueLimit) {
      throw this.#tally.refuse(new QueueFullError('the queue is full', this.#retryAfterMs()));
    }
    return new Promise((resolve, reject) => {
      const waiter = new Waiter(weight, signal, resolve, reject);
      if (signal !== undefined || maxWaitMs !== Infinity) waiter.watch(this.#depart, maxWaitMs, this.#clock);
      this.#tally.join(waiter, this.#queue.size, this.#clock);
      this.#queue.push(waiter);
    });
  }

  /** Throws the reason of an aborted signal. */
  #requireLive(signal: AbortSignal): void {
    // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- plain JavaScript may pass anything
    if (typeof signal?.aborted !== 'boolean') {
      throw new TypeError(`signal must be an AbortSignal, got ${describe(signal)}`);
    }
    if (!signal.aborted) return;
    this.#tally.abort();
    throw signal.reason;
  }

  #isFree(weight: number): boolean {
    return this.#held + weight <= this.#permits && this.#queue.size === 0 && this.#closed === undefined;
  }

  /** A limit of 0 is a pause, so there one permit is worth waiting for. */
  #isTooHeavy(weight: number): boolean {
    return weight > Math.max(1, this.#permits);
  }

  #isIdle(): boolean {
    return this.#held === 0 && this.#queue.size === 0;
  }

  #grant(weight: number, signal?: AbortSignal): Permit {
    this.#held += weight;
    return new HeldPermit(weight, this.#tally.grant(weight, this.#takeBack, this.#clock), signal);
  }

  readonly #takeBack = (weight: number, outcome: Outcome): void => {
    this.#held -= weight;
    this.#tally.release(weight, outcome);
    this.#released += weight;
    if (this.#queue.size > 0) this.#serve();
    else this.#noticeIdle();
  };

  readonly #depart = (waiter: Waiter, why: Departure): void => {
    if (why === 'abort') this.#abort(waiter);
    else this.#dismiss(waiter, this.#waitTimeout());
    // It may have been the head that was too heavy for what is free; the next may fit.
    this.#serve();
  };

  /** Hands free permits to the head of the line as long as they suffice. A grant runs no foreign code. */
  #serve(): void {
    for (let head = this.#queue.first; head !== undefined; head = this.#queue.first) {
      // Its signal may be telling others first: an aborted signal never acquires.
      if (head.signal?.aborted === true) this.#abort(head);
      else if (this.#held + head.weight <= this.#permits) {
        this.#leave(head);
        head.grant(this.#grant(head.weight, head.signal));
      } else break;
    }
    this.#noticeIdle();
  }

  #abort(waiter: Waiter): void {
    this.#tally.abort();
    this.#dismiss(waiter, waiter.signal?.reason);
  }

  #dismiss(waiter: Waiter, error: unknown): void {
    this.#leave(waiter);
    waiter.refuse(error);
  }

  #leave(waiter: Waiter): void {
    this.#queue.remove(waiter);
    this.#tally.leave(waiter, this.#clock);
  }

  #noticeIdle(): void {
    if (this.#isIdle()) this.#idleNotice.give();
  }

  #closedError(): SemaphoreError {
    return this.#tally.refuse(new ClosedError('the limiter is closed', undefined, this.#closed));
  }

  #waitTimeout(): SemaphoreError {
    return this.#tally.refuse(new WaitTimeoutError('no permit came free in time', this.#retryAfterMs()));
  }

  #tooHeavy(weight: number): RangeError {
    return new RangeError(`weight must be at most permits (${this.#permits}), got ${weight}`);
  }

  /** When everybody now in line will have been served, at the measured rate. */
  #retryAfterMs(): number | undefined {
    const rate = this.#releaseRate.perMs(this.#released, this.#clock.now());
    return rate === undefined ? undefined : (this.#queue.size + 1) / rate;
  }
}

/** One for all: a fresh one a call would be seen in the benchmarks. */
const NO_OPTIONS: AcquireOptions = {};
