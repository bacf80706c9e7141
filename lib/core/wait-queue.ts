import { QueueFullError, WaitTooLongError } from '../errors.js';
import type { SemaphoreError } from '../errors.js';
import type { AcquireRequest, OrderQueue } from '../orders/order-queue.js';
import type { Clock } from '../internal/clock.js';
import { ReleaseRate } from './release-rate.js';
import type { StatsRecorder } from './stats-recorder.js';
import type { Waiter } from './waiter.js';

/** The waiters of one limiter: who may join them, who has to go, and how fast they are served. */
export class WaitQueue {
  readonly #limiter: { readonly permits: number };
  readonly #queue: OrderQueue<Waiter>;
  /** How many may stand in it. */
  readonly limit: number;
  readonly #tally: StatsRecorder;
  readonly #clock: Clock;
  readonly #rate = new ReleaseRate();

  constructor(
    limiter: { readonly permits: number },
    queue: OrderQueue<Waiter>,
    limit: number,
    tally: StatsRecorder,
    clock: Clock,
  ) {
    this.#limiter = limiter;
    this.#queue = queue;
    this.limit = limit;
    this.#tally = tally;
    this.#clock = clock;
  }

  get size(): number {
    return this.#queue.size;
  }

  /** Who is served next. */
  get first(): Waiter | undefined {
    return this.#queue.first;
  }

  /** Whether nobody may join without taking another's place. */
  get isFull(): boolean {
    return this.#queue.size >= this.limit;
  }

  /** Whether one that came now would be served before all those in line. */
  isBehind(ask: AcquireRequest): boolean {
    return this.#queue.ahead(ask, this.#time()) === 0;
  }

  /**
   * Throws unless one that waits `maxWaitMs` at most may join; it may have to take another's place.
   *
   * The first in line may always wait, however slow the line was: so a free permit finds somebody, and it shows how fast
   * the line is now.
   */
  admit(ask: AcquireRequest, maxWaitMs: number): void {
    if (this.#queue.size > 0 && maxWaitMs !== Infinity && this.#waitMs(ask) > maxWaitMs) {
      throw this.#tooLong('the wait would be too long');
    }
    if (!this.isFull) return;
    const evictee = this.#queue.evictee(ask, this.#time());
    const full = new QueueFullError('the queue is full', this.retryAfterMs());
    const error = this.#tally.reject(full, evictee);
    if (evictee === undefined) throw error;
    this.reject(evictee, error);
  }

  /** Lets `waiter` in, unless the order throws: then it is refused, as if it had never come. */
  enqueue(waiter: Waiter): void {
    this.#tally.enqueue(waiter, this.#queue.isTimed ? 0 : this.#queue.size);
    if (this.#queue.size === 0) this.#rate.begin(waiter.since);
    try {
      this.#queue.push(waiter);
    } catch (error) {
      this.#countWait(waiter);
      waiter.reject(error);
    }
  }

  /** Refuses those who are not worth serving any more, before anybody is served. */
  prepare(): void {
    if (this.#queue.isTimed) this.#shed(this.#clock.now());
  }

  /** Takes out the first, which is `waiter`, because it is served. */
  shift(waiter: Waiter): void {
    this.#queue.shift();
    this.#rate.served++;
    this.#countWait(waiter);
  }

  /** Takes out `waiter`, and rejects its promise with `reason`. */
  reject(waiter: Waiter, reason: unknown): void {
    this.#queue.remove(waiter);
    this.#countWait(waiter);
    waiter.reject(reason);
  }

  /** Ends a pause: how long it took says nothing of how fast the line is. */
  resume(): void {
    this.#rate.forget(this.#clock.now());
  }

  /** When all those in line will have been served, as fast as it goes now; `undefined` where that is unknown. */
  retryAfterMs(): number | undefined {
    const rate = this.ratePerMs();
    return rate === undefined ? undefined : (this.#queue.size + 1) / rate;
  }

  /** How many waiters are served in a millisecond; `undefined` where that is unknown. */
  ratePerMs(): number | undefined {
    return this.#rate.perMs(this.#clock.now(), this.#limiter.permits);
  }

  [Symbol.iterator](): Iterator<Waiter> {
    return this.#queue[Symbol.iterator]();
  }

  /** How long `ask` will have to wait, as far as is known. */
  #waitMs(ask: AcquireRequest): number {
    const now = this.#clock.now();
    const ahead = this.#queue.ahead(ask, now);
    const rate = this.#rate.perMs(now, this.#limiter.permits);
    return ahead === 0 || rate === undefined ? 0 : (ahead + 1) / rate;
  }

  #shed(now: number): void {
    for (let late = this.#queue.overdue(now); late !== undefined; late = this.#queue.overdue(now)) {
      this.reject(late, this.#tooLong('the queue stands for too long', late));
    }
  }

  /** What an order that is timed is told; the clock is too dear for the others. */
  #time(): number {
    return this.#queue.isTimed ? this.#clock.now() : 0;
  }

  #countWait(waiter: Waiter): void {
    this.#tally.dequeue(waiter);
    if (this.#queue.size === 0) this.#rate.end(this.#clock.now());
  }

  #tooLong(message: string, waiter?: Waiter): SemaphoreError {
    return this.#tally.reject(new WaitTooLongError(message, this.retryAfterMs()), waiter);
  }
}
