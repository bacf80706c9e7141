import { ClosedError, WaitTimeoutError } from '../errors.js';
import type { SemaphoreError } from '../errors.js';
import { TOP_PRIORITY } from '../orders/priority.js';
import {
  checkAcquireOptions,
  checkOptionNames,
  throwIfAborted,
  checkWaitOptions,
} from './acquire-options.js';
import type { Clock } from '../internal/clock.js';
import { watchHold } from './hold-watch.js';
import { IdleNotice } from './idle-notice.js';
import type { AcquireOptions, Limiter, LimiterStats, Outcome, Permit, TryAcquireOptions } from './limiter.js';
import { WaitQueue } from './wait-queue.js';
import { makeQueue, reservedOf } from '../orders/index.js';
import { HeldPermit } from './permit.js';
import type { OnRelease } from './permit.js';
import { runWithPermit } from './run.js';
import { readOptions } from './semaphore-options.js';
import type { SemaphoreOptions } from './semaphore-options.js';
import { STATS, StatsRecorder } from './stats-recorder.js';
import { requireInteger } from '../internal/validate.js';
import { Waiter } from './waiter.js';
import type { LeaveReason } from './waiter.js';

/**
 * A counting semaphore for this process: at most `permits` are out at once, the rest wait in line, first in, first out
 * unless `order` says otherwise.
 *
 * A release hands its permit to the next waiter at once: nobody can barge in, and no permit is free while
 * a waiter that it fits stands first in line. A heavy waiter at the head gathers permits until it has enough.
 * Who cannot be served within its `maxWaitMs`, as permits came back lately, is refused at once with
 * a `WaitTooLongError`; while nobody stands in line before it, nobody is.
 *
 * @throws `TypeError` or `RangeError` from the constructor and `resize`, naming the option and the value.
 *
 * @example
 * ```ts
 * import { Semaphore } from 'express-semaphore';
 * import type { SemaphoreOptions } from 'express-semaphore';
 *
 * const options: SemaphoreOptions = { name: 'downloads', queueLimit: 50, maxWaitMs: 1_000 };
 * const downloads = new Semaphore(2, options);
 * const size = await downloads.run(() => download('https://example.org'));
 *
 * async function download(url: string) {
 *   return url.length;
 * }
 * ```
 */
export class Semaphore implements Limiter {
  readonly #queue: WaitQueue;
  /** Permits that only the top priority may take. */
  readonly #reserved: number;
  readonly #maxWaitMs: number;
  readonly #warnHeldMs: number;
  readonly #clock: Clock;
  readonly #stats: StatsRecorder;
  readonly #idleNotice = new IdleNotice();

  #permits: number;
  /** As many of them as any priority may take. */
  #ordinaryPermits: number;
  #held = 0;
  #closed: ErrorOptions | undefined;

  /** `permits` is how many may be out at once; 0 makes everybody wait for a `resize`. */
  constructor(permits: number, options: SemaphoreOptions = {}) {
    const { name, queueLimit, maxWaitMs, order, warnHeldMs, clock } = readOptions(options);
    requireInteger('permits', permits, 0);
    this.#stats = new StatsRecorder(name, clock);
    this.#queue = new WaitQueue(this, makeQueue(order), queueLimit, this.#stats, clock);
    this.#reserved = reservedOf(order);
    this.#permits = permits;
    this.#ordinaryPermits = this.#withoutReserved(permits);
    this.#maxWaitMs = maxWaitMs;
    this.#warnHeldMs = warnHeldMs;
    this.#clock = clock;
  }

  /** @internal */
  get [STATS](): StatsRecorder {
    return this.#stats;
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

  /** Waiters admitted while no permit is free. */
  get queueLimit(): number {
    return this.#queue.limit;
  }

  /** Waiters in line. */
  get waiting(): number {
    return this.#queue.size;
  }

  /**
   * Waits for a permit. Whoever gets it must release it.
   *
   * Never throws synchronously. Rejects with a `SemaphoreError` when refused, with `signal.reason` when aborted, with a
   * `TypeError` or `RangeError` for a bad option.
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

  tryAcquire(options?: TryAcquireOptions): Permit | undefined {
    if (options === undefined) return this.#isFree(1, 0, '') ? this.#grant(1) : undefined;
    checkOptionNames('tryAcquire', options);
    const { weight = 1, priority = 0, flow = '' } = options;
    checkAcquireOptions(weight, priority, flow);
    return this.#isFree(weight, priority, flow) ? this.#grant(weight) : undefined;
  }

  /** Calls `work` with a permit, and releases it when the work has settled: as `'ignore'` if it has failed. */
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
    const isLess = permits < this.#permits;
    if (this.#permits === 0) this.#queue.resume();
    this.#stats.changeLimit(this.#permits, permits);
    this.#permits = permits;
    this.#ordinaryPermits = this.#withoutReserved(permits);
    for (const waiter of isLess ? this.#queue : []) {
      if (this.#isTooHeavy(waiter.weight, waiter.priority)) {
        this.#queue.reject(waiter, this.#tooHeavy(waiter.weight, waiter.priority));
      }
    }
    this.#serve();
  }

  close(reason?: unknown): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason === undefined ? {} : { cause: reason };
    for (const waiter of this.#queue) this.#queue.reject(waiter, this.#closedError(waiter));
    this.#noticeIdle();
  }

  idle(): Promise<void> {
    return this.#idleNotice.wait(this.#isIdle());
  }

  stats(): LimiterStats {
    return this.#stats.limiterStats(this, this.#queue.ratePerMs());
  }

  #acquire(options: AcquireOptions = NO_OPTIONS): Promise<Permit> {
    if (options !== NO_OPTIONS) checkOptionNames('acquire', options);
    const { weight = 1, priority = 0, flow = '', signal, maxWaitMs = this.#maxWaitMs } = options;
    checkAcquireOptions(weight, priority, flow);
    checkWaitOptions(maxWaitMs, signal);
    if (signal !== undefined) throwIfAborted(signal, this.#stats);
    if (this.#closed !== undefined) throw this.#closedError();
    if (this.#isTooHeavy(weight, priority)) throw this.#tooHeavy(weight, priority);
    if (this.#isFree(weight, priority, flow)) return Promise.resolve(this.#grant(weight, signal));
    if (maxWaitMs === 0) throw this.#waitTimeout();
    if (maxWaitMs !== Infinity || this.#queue.isFull)
      this.#queue.admit({ weight, priority, flow }, maxWaitMs);
    return new Promise((resolve, reject) => {
      const waiter = new Waiter(weight, signal, resolve, reject, priority, flow);
      if (this.#warnHeldMs !== Infinity) waiter.asked = new Error('acquired here');
      if (signal !== undefined || maxWaitMs !== Infinity) waiter.watch(this.#onLeave, maxWaitMs, this.#clock);
      this.#queue.enqueue(waiter);
      // It may have made the order refuse the first, too heavy for what is free.
      this.#serve();
    });
  }

  #isFree(weight: number, priority: number, flow: string): boolean {
    if (this.#held + weight > this.#permitsFor(priority) || this.#closed !== undefined) return false;
    return this.#queue.size === 0 || this.#queue.isBehind({ weight, priority, flow });
  }

  #permitsFor(priority: number): number {
    return priority === TOP_PRIORITY ? this.#permits : this.#ordinaryPermits;
  }

  #withoutReserved(permits: number): number {
    return permits - Math.max(0, Math.min(this.#reserved, permits - 1));
  }

  /** A limit of 0 is a pause, so there one permit is worth waiting for. */
  #isTooHeavy(weight: number, priority: number): boolean {
    return weight > Math.max(1, this.#permitsFor(priority));
  }

  #isIdle(): boolean {
    return this.#held === 0 && this.#queue.size === 0;
  }

  #grant(weight: number, signal?: AbortSignal, waiter?: Waiter): Permit {
    this.#held += weight;
    const takeBack = this.#stats.grant(weight, this.#onRelease, waiter);
    return new HeldPermit(
      weight,
      this.#warnHeldMs === Infinity ? takeBack : this.#watched(takeBack, waiter),
      signal,
    );
  }

  #watched(takeBack: OnRelease, waiter: Waiter | undefined): OnRelease {
    const acquired = waiter?.asked ?? new Error('acquired here');
    return watchHold(takeBack, this.#warnHeldMs, this.#clock, acquired);
  }

  readonly #onRelease = (weight: number, outcome: Outcome): void => {
    this.#held -= weight;
    this.#stats.release(weight, outcome);
    if (this.#queue.size > 0) this.#serve();
    else if (this.#held === 0) this.#idleNotice.give();
  };

  readonly #onLeave = (waiter: Waiter, why: LeaveReason): void => {
    if (why === 'abort') this.#abort(waiter);
    else this.#queue.reject(waiter, this.#waitTimeout(waiter));
    // It may have been the head that was too heavy for what is free; the next may fit.
    this.#serve();
  };

  /** Hands free permits to the head of the line as long as they suffice. A grant runs no foreign code. */
  #serve(): void {
    this.#queue.prepare();
    for (let head = this.#queue.first; head !== undefined; head = this.#queue.first) {
      // Its signal may be telling others first: an aborted signal never acquires.
      if (head.signal?.aborted === true) this.#abort(head);
      else if (this.#held + head.weight <= this.#permitsFor(head.priority)) {
        this.#queue.shift(head);
        head.grant(this.#grant(head.weight, head.signal, head));
      } else break;
    }
    this.#noticeIdle();
  }

  #abort(waiter: Waiter): void {
    this.#stats.abort(waiter);
    this.#queue.reject(waiter, waiter.signal?.reason);
  }

  #noticeIdle(): void {
    if (this.#isIdle()) this.#idleNotice.give();
  }

  #closedError(waiter?: Waiter): SemaphoreError {
    const error = new ClosedError('the limiter is closed', undefined, this.#closed);
    return this.#stats.reject(error, waiter);
  }

  #waitTimeout(waiter?: Waiter): SemaphoreError {
    const error = new WaitTimeoutError('no permit came free in time', this.#queue.retryAfterMs());
    return this.#stats.reject(error, waiter);
  }

  #tooHeavy(weight: number, priority: number): RangeError {
    return new RangeError(`weight must be at most permits (${this.#permitsFor(priority)}), got ${weight}`);
  }
}

/** One for all: a fresh one a call would be seen in the benchmarks. */
const NO_OPTIONS: AcquireOptions = {};
