import { aboveLimit } from '../internal/validate.js';
import { ReleaseRate } from '../core/release-rate.js';
import { BackendError, QueueFullError, WaitTimeoutError } from '../errors.js';
import { FifoQueue } from '../orders/fifo.js';
import { PriorityQueue } from '../orders/priority.js';
import type { Usage } from './lease.js';
import { claimMsOf } from './options.js';
import type { SharedOptions } from './options.js';
import type { RedisWaiter } from './redis-waiter.js';
import { rootClock } from './sync/connection.js';
import type { Connection } from './sync/connection.js';
import type { SyncClient } from './sync/sync-client.js';

/** Checks of the queue within the time of a claim. */
const CHECKS_A_CLAIM = 2;

/**
 * The waiters of one limit in this process, in the order in which they are served. Wake-ups can be lost, so it checks from time to time
 * while anybody waits: often enough to find a grant before its claim ends, and when the lease of another process has ended.
 */
export class RedisWaitQueue {
  readonly #queue: FifoQueue<RedisWaiter> | PriorityQueue<RedisWaiter>;
  readonly #connection: Connection;
  readonly #sync: SyncClient;
  readonly #checkMs: number;
  readonly #rate = new ReleaseRate();
  /** Waiters that are queued in Redis. */
  #queued = 0;
  /** Permits that the waiters have requested. */
  #weight = 0;
  #timer: unknown;
  #timerDue = Infinity;

  constructor(connection: Connection, sync: SyncClient, shared: SharedOptions) {
    this.#queue = shared.order === 'fifo' ? new FifoQueue() : new PriorityQueue(Infinity);
    this.#connection = connection;
    this.#sync = sync;
    this.#checkMs = claimMsOf(shared) / CHECKS_A_CLAIM;
  }

  get size(): number {
    return this.#queue.size;
  }

  /** Permits that the waiters of this process get in a millisecond; `undefined` where it is unknown. */
  get ratePerMs(): number | undefined {
    return this.#rate.perMs(rootClock.now(), this.#sync.rules.permits);
  }

  [Symbol.iterator](): IterableIterator<RedisWaiter> {
    return this.#queue[Symbol.iterator]();
  }

  enqueue(waiter: RedisWaiter, usage: Usage): void {
    const { stats } = usage.lifecycle;
    waiter.since = rootClock.now();
    stats.enqueue(waiter);
    usage.waiting++;
    this.#weight += waiter.weight;
    this.#queue.push(waiter);
    this.#connection.addWaiter(waiter);
  }

  /** Notes that Redis has queued `waiter`. From now on it waits for a permit, not just for an answer. */
  setQueued(waiter: RedisWaiter): void {
    if (waiter.isQueued) return;
    waiter.isQueued = true;
    if (this.#queued++ === 0) this.#rate.begin(rootClock.now());
  }

  /** Notes that Redis has dequeued `waiter` although no grant came of it. It has to ask once more. */
  setUnqueued(waiter: RedisWaiter): void {
    if (!waiter.isQueued) return;
    waiter.isQueued = false;
    if (--this.#queued === 0) this.#rate.end(rootClock.now());
  }

  /** Removes `waiter` because it is granted. */
  shift(waiter: RedisWaiter): void {
    if (waiter.isQueued) this.#rate.served += waiter.weight;
    this.#remove(waiter);
  }

  abort(waiter: RedisWaiter): void {
    waiter.usage?.lifecycle.stats.abort(waiter);
    this.#reject(waiter, waiter.signal?.reason);
  }

  timeOut(waiter: RedisWaiter): void {
    const error = this.#rejectPaused(waiter, WaitTimeoutError);
    this.#reject(waiter, error ?? waiter.usage?.lifecycle.waitTimeout(this.#retryAfterMs(), waiter));
  }

  rejectFull(waiter: RedisWaiter): void {
    const error = this.#rejectPaused(waiter, QueueFullError);
    this.#reject(waiter, error ?? waiter.usage?.lifecycle.queueFull(this.#retryAfterMs(), waiter));
  }

  rejectTooHeavy(waiter: RedisWaiter): void {
    this.#reject(waiter, aboveLimit('weight', waiter.weight, this.#sync.rules.permits));
  }

  /** Rejects a waiter that neither Redis nor the policy for an outage serves. */
  rejectUnavailable(waiter: RedisWaiter): void {
    const error = new BackendError('Redis does not serve the limit', { cause: this.#sync.cause });
    this.#reject(waiter, waiter.usage?.lifecycle.stats.reject(error, waiter) ?? error);
  }

  /** Rejects the waiters of a closed object. */
  close(usage: Usage): void {
    for (const waiter of this.#queue) {
      if (waiter.usage === usage) this.#reject(waiter, usage.lifecycle.closedError(waiter));
    }
  }

  /** Asks Redis again for all waiters. */
  requestAll(): void {
    for (const waiter of this.#queue) this.#sync.request(waiter);
  }

  /** Asks Redis again for the waiters that it has queued, except for `waiter`. */
  requestQueued(waiter: RedisWaiter): void {
    for (const other of this.#queue) if (other.isQueued && other !== waiter) this.#sync.request(other);
  }

  /** Checks the queue when a lease can end in `nextEndMs`, when a pause ends, or after the usual time if that is less. */
  watch(nextEndMs: number): void {
    if (this.#queue.size === 0) return;
    const { pausedMs } = this.#sync;
    const nextMs = pausedMs > 0 ? pausedMs : nextEndMs;
    // The processes that wait for the same lease to end need not ask at the same moment.
    const jitterMs = 1 + Math.random() * this.#checkMs * 0.1;
    const delayMs = Math.ceil(Math.min(Math.max(nextMs, 0), this.#checkMs) + jitterMs);
    const due = rootClock.now() + delayMs;
    if (due >= this.#timerDue) return;
    this.#disarm();
    this.#timerDue = due;
    this.#timer = rootClock.setTimer(
      () => {
        this.#timer = undefined;
        this.#timerDue = Infinity;
        this.check();
      },
      delayMs,
      true,
    );
  }

  /**
   * Asks Redis for the first waiter that it has queued, as a wake-up may have been lost. Redis serves in order, so its
   * answer tells about all others.
   */
  check(): void {
    this.#connection.listen();
    if (this.#queued === 0) return;
    for (const waiter of this.#queue) {
      if (!waiter.isQueued) continue;
      this.#sync.request(waiter);
      return;
    }
  }

  /** The error of a waiter that Redis does not serve because it pauses: the reason is Redis, and not the key of the limit. */
  #rejectPaused(
    waiter: RedisWaiter,
    Rejection: typeof WaitTimeoutError | typeof QueueFullError,
  ): WaitTimeoutError | QueueFullError | undefined {
    const { pausedMs } = this.#sync;
    if (pausedMs === 0 || this.#sync.isDown) return undefined;
    const error = new Rejection('Redis makes no new grants for now', {
      retryAfterMs: pausedMs,
      scope: 'backend',
    });
    return waiter.usage?.lifecycle.stats.reject(error, waiter);
  }

  #reject(waiter: RedisWaiter, error: unknown): void {
    this.#remove(waiter);
    if (waiter.isSent) this.#sync.cancel(waiter);
    waiter.reject(error);
  }

  #remove(waiter: RedisWaiter): void {
    this.setUnqueued(waiter);
    this.#weight -= waiter.weight;
    this.#queue.remove(waiter);
    if (this.#queue.size === 0) this.#disarm();
    const { usage } = waiter;
    if (usage === undefined) return;
    waiter.isOver = true;
    this.#connection.removeWaiter(waiter);
    this.#sync.drop(waiter);
    usage.waiting--;
    usage.lifecycle.stats.dequeue(waiter);
  }

  /** Time until all present waiters have been served, at the measured rate; `undefined` where it is unknown. */
  #retryAfterMs(): number | undefined {
    const rate = this.ratePerMs;
    return rate === undefined ? undefined : (this.#weight + 1) / rate;
  }

  #disarm(): void {
    if (this.#timer !== undefined) rootClock.clearTimer(this.#timer);
    this.#timer = undefined;
    this.#timerDue = Infinity;
  }
}
