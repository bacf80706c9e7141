import type { SemaphoreError } from '../errors.js';
import type { Clock } from '../internal/clock.js';
import type { AcquireRequest, OrderQueue } from '../orders/order-queue.js';
import type { Lifecycle } from './lifecycle.js';
import type { OnRelease } from './permit.js';
import { ReleaseRate } from './release-rate.js';
import type { Waiter } from './waiter.js';

/**
 * Factor on the further permits of a heavy newcomer. A heavy head keeps idle what it has gathered, and may leave before it
 * has enough. With 1.5 as many calls are served as with a plain time limit, and as many permits are used.
 */
const GATHERING = 1.5;

/** The waiters of one limiter: it admits and evicts them, and measures how fast they are served. */
export class WaitQueue {
  /** Permits that may be held at once; 0 is a pause. `changePermits` sets it. */
  permits: number;
  /** Maximum number of waiters. Present waiters stay when it becomes smaller. */
  limit: number;
  /** Whether the order counts the permits of a flow. */
  readonly hasShares: boolean;
  /** Whether the order keeps permits for a high priority. */
  readonly hasReserve: boolean;
  readonly #queue: OrderQueue<Waiter>;
  readonly #lifecycle: Lifecycle;
  readonly #clock: Clock;
  readonly #rate = new ReleaseRate();
  /** Permits that the waiters have requested. */
  #weight = 0;

  constructor(permits: number, queue: OrderQueue<Waiter>, limit: number, lifecycle: Lifecycle, clock: Clock) {
    this.permits = permits;
    this.#queue = queue;
    this.hasShares = queue.hasShares === true;
    this.hasReserve = queue.hasReserve === true;
    this.limit = limit;
    this.#lifecycle = lifecycle;
    this.#clock = clock;
  }

  get size(): number {
    return this.#queue.size;
  }

  /** The head: the next waiter to be granted. */
  get first(): Waiter | undefined {
    return this.#queue.first;
  }

  /** Whether a newcomer needs the place of a waiter. */
  get isFull(): boolean {
    return this.#queue.size >= this.limit;
  }

  /** The part of the permits that a request of this priority may use. */
  permitsFor(priority: number): number {
    return this.#queue.permitsFor(priority, this.permits);
  }

  /** The heaviest weight that a request of this priority and flow can have, if `permits` is the limit. */
  heaviest({ priority, flow }: AcquireRequest, permits: number): number {
    const heaviest = this.#queue.permitsFor(priority, permits);
    return this.hasShares ? Math.min(heaviest, this.#queue.maxOf?.(flow) ?? Infinity) : heaviest;
  }

  /** Whether a newcomer would be granted before all waiters. */
  isNext(request: AcquireRequest): boolean {
    return this.#queue.isBelowMax?.(request) !== false && this.positionOf(request) === 1;
  }

  /** Counts permits of `flow` that are granted past the queue. */
  hold(flow: string, weight: number): void {
    this.#queue.hold?.(flow, weight);
    // The rate is that of all grants, also of those that pass waiters of a flow at its maximum.
    if (this.size > 0) this.#rate.served += weight;
  }

  /** Returns what a release of `flow` calls: it counts the permits before `onRelease`. */
  releaseOf(flow: string, onRelease: OnRelease): OnRelease {
    return (weight, outcome) => {
      this.#queue.hold?.(flow, -weight);
      onRelease(weight, outcome);
    };
  }

  /** The position of a newcomer that may enter the queue. Throws its rejection if it may not. */
  announce(request: AcquireRequest, maxWaitMs: number): number {
    const rejection = this.rejectionOf(request, maxWaitMs);
    if (rejection !== undefined) throw rejection;
    return this.positionOf(request);
  }

  /** Position of a newcomer in the queue; 1 if it would be served before all waiters. */
  positionOf(request: AcquireRequest): number {
    return this.#queue.ahead(request, this.#time()) + 1;
  }

  /**
   * The rejection of a newcomer that waits at most `maxWaitMs`, if it may not enter the queue.
   *
   * A newcomer with nobody ahead may always wait, however slow the service was. So a permit that becomes free finds a
   * waiter, and the rate is measured again.
   */
  rejectionOf(request: AcquireRequest, maxWaitMs: number): SemaphoreError | undefined {
    if (this.#queue.size > 0 && maxWaitMs !== Infinity && !this.#isInTime(request, maxWaitMs)) {
      return this.#lifecycle.waitTooLong(this.retryAfterMs());
    }
    if (!this.isFull || this.#queue.evictee(request, this.#time()) !== undefined) return undefined;
    return this.#lifecycle.queueFull(this.retryAfterMs());
  }

  /** Throws the rejection of a newcomer that may not enter. In a full queue it evicts a waiter for one that may. */
  admit(request: AcquireRequest, maxWaitMs: number): void {
    const rejection = this.rejectionOf(request, maxWaitMs);
    if (rejection !== undefined) throw rejection;
    const evictee = this.isFull ? this.#queue.evictee(request, this.#time()) : undefined;
    if (evictee !== undefined) this.reject(evictee, this.#lifecycle.queueFull(this.retryAfterMs(), evictee));
  }

  /** Enqueues `waiter`. If the order throws, the waiter is rejected with that error. */
  enqueue(waiter: Waiter): void {
    const { stats } = this.#lifecycle;
    const isFirst = this.#queue.size === 0;
    stats.enqueue(waiter);
    this.#weight += waiter.weight;
    if (isFirst && this.#rate.begin(waiter.since)) this.#queue.restart?.(waiter.since);
    try {
      this.#queue.push(waiter);
    } catch (error) {
      this.#left(waiter);
      waiter.reject(error);
    }
  }

  /** Whether the order depends on time. */
  get isTimed(): boolean {
    return this.#queue.isTimed;
  }

  /** Rejects the waiters that have waited too long, before any is served. Returns the time if it read the clock. */
  prepare(): number | undefined {
    if (!this.#queue.isTimed || this.permits === 0) return undefined;
    const now = this.#clock.now();
    for (let late = this.#queue.overdue?.(now); late !== undefined; late = this.#queue.overdue?.(now)) {
      this.reject(late, this.#lifecycle.waitTooLong(this.retryAfterMs(), late));
    }
    return now;
  }

  /** Time until the head changes without an arrival or a grant, in milliseconds; `Infinity` if it does not. */
  headChangesInMs(): number {
    const { size, headChangesMs = Infinity } = this.#queue;
    return size < 2 || headChangesMs === Infinity ? Infinity : Math.max(0, headChangesMs - this.#clock.now());
  }

  /** Removes the head, which is `waiter`, because it is served at `now`. */
  shift(waiter: Waiter, now: number): void {
    this.#queue.shift();
    this.#rate.served += waiter.weight;
    this.#left(waiter, now);
  }

  /** Removes `waiter` and rejects its promise with `reason`. */
  reject(waiter: Waiter, reason: unknown): void {
    this.#queue.remove(waiter);
    this.#left(waiter);
    waiter.reject(reason);
  }

  /** Changes how many permits may be held. The length of a pause says nothing of the rate, and is no wait. */
  changePermits(permits: number): void {
    if (this.permits === 0 && permits > 0) {
      const now = this.#clock.now();
      this.#rate.forget(now);
      this.#queue.restart?.(now);
    }
    this.permits = permits;
  }

  /** Time until all present waiters have been served, at the measured rate; `undefined` where it is unknown. */
  retryAfterMs(): number | undefined {
    const rate = this.ratePerMs();
    return rate === undefined ? undefined : (this.#weight + 1) / rate;
  }

  /** Permits that waiters get in a millisecond; `undefined` where it is unknown. */
  ratePerMs(): number | undefined {
    return this.#rate.perMs(this.#clock.now(), this.permits);
  }

  [Symbol.iterator](): Iterator<Waiter> {
    return this.#queue[Symbol.iterator]();
  }

  /** Whether a newcomer may be served within `maxWaitMs`, at the measured rate. */
  #isInTime(request: AcquireRequest, maxWaitMs: number): boolean {
    const now = this.#clock.now();
    const ahead = this.#queue.ahead(request, now);
    const rate = this.#rate.perMs(now, this.permits);
    if (ahead === 0 || rate === undefined) return true;
    const mean = rate * maxWaitMs;
    // Releases vary as a Poisson count does, so one standard deviation more may come. The first of them may come at once.
    const most = mean + Math.sqrt(mean);
    const left = this.#queue.leftFor?.(request, mean, most) ?? most;
    const needed = (ahead * this.#weight) / this.#queue.size + GATHERING * (request.weight - 1);
    return needed - 0.5 <= left;
  }

  /** The time for an order that is timed. Others ignore it, and a clock read is expensive. */
  #time(): number {
    return this.#queue.isTimed ? this.#clock.now() : 0;
  }

  /** Notes that `waiter` is no longer queued, at `now` if the caller has read the clock. */
  #left(waiter: Waiter, now?: number): void {
    this.#weight -= waiter.weight;
    this.#lifecycle.stats.dequeue(waiter, now);
    if (this.#queue.size === 0) this.#rate.end(now ?? this.#clock.now());
  }
}
