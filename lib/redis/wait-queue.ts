import type { Clock } from '../internal/clock.js';
import type { Permit } from '../core/limiter.js';
import { ReleaseRate } from '../core/release-rate.js';
import { Waiter } from '../core/waiter.js';
import { FifoQueue } from '../orders/fifo.js';
import type { Usage } from './lease.js';
import type { PublishedGrant } from './sync/sync-reply.js';

/** The lease manager of a waiter, to which another process can grant a permit. */
export interface GrantReceiver {
  granted(waiter: RedisWaiter, grant: PublishedGrant): void;
  /** Messages may have been lost. */
  resubscribed(): void;
}

/** A caller that waits for an answer of Redis, or in the queue there. */
export class RedisWaiter extends Waiter {
  declare previous: RedisWaiter | undefined;
  declare next: RedisWaiter | undefined;
  readonly seq: string;
  /** The object that the caller asked; `undefined` for a prefetch request, which has no caller. */
  readonly usage: Usage | undefined;
  /** Set while it is in a queue. */
  receiver: GrantReceiver | undefined;
  /** Whether it takes a permit that is free now, or none. */
  readonly isTry: boolean;
  /** Whether Redis may know of it. */
  isSent = false;
  /** Whether Redis has answered that it is queued. */
  isQueued = false;
  /** Whether it was granted or rejected. */
  isOver = false;
  /** Whether Redis must answer the next request even if it arrives late. */
  isInsistent = false;
  /** A published grant that arrived before the answer to the request. */
  early: PublishedGrant | undefined;

  constructor(
    seq: string,
    usage: Usage | undefined,
    isTry: boolean,
    weight: number,
    signal: AbortSignal | undefined,
    resolve: (permit: Permit) => void,
    reject: (error: unknown) => void,
  ) {
    super(weight, signal, resolve, reject);
    this.seq = seq;
    this.usage = usage;
    this.isTry = isTry;
  }

  /** A request of weight 1 that never waits. */
  static forPrefetch(seq: string): RedisWaiter {
    return new RedisWaiter(seq, undefined, true, 1, undefined, ignore, ignore);
  }
}

/**
 * The waiters of this process, in order of arrival. Wake-ups can be lost, so `check` is called from time to time while
 * anybody waits: often enough to find a grant before its claim ends, and when the lease of another process has ended.
 */
export class RedisWaitQueue {
  readonly #queue = new FifoQueue<RedisWaiter>();
  readonly #clock: Clock;
  readonly #checkMs: number;
  readonly #check: () => void;
  readonly #rate = new ReleaseRate();
  /** Waiters that are queued in Redis. */
  #queued = 0;
  #timer: unknown = undefined;
  #timerDue = Infinity;

  constructor(clock: Clock, checkMs: number, check: () => void) {
    this.#clock = clock;
    this.#checkMs = checkMs;
    this.#check = check;
  }

  get size(): number {
    return this.#queue.size;
  }

  /** The first waiter that Redis has queued. Redis serves in order, so its answer tells about all others. */
  get firstQueued(): RedisWaiter | undefined {
    if (this.#queued === 0) return undefined;
    for (const waiter of this.#queue) if (waiter.isQueued) return waiter;
    return undefined;
  }

  enqueue(waiter: RedisWaiter): void {
    this.#queue.push(waiter);
  }

  /** Notes that Redis has queued `waiter`. From now on it waits for a permit, not just for an answer. */
  setQueued(waiter: RedisWaiter): void {
    if (waiter.isQueued) return;
    waiter.isQueued = true;
    if (this.#queued++ === 0) this.#rate.begin(this.#clock.now());
  }

  /** Notes that Redis has dequeued `waiter` although no grant came of it. It has to ask once more. */
  setUnqueued(waiter: RedisWaiter): void {
    if (!waiter.isQueued) return;
    waiter.isQueued = false;
    if (--this.#queued === 0) this.#rate.end(this.#clock.now());
  }

  /** Removes `waiter` because it is granted. */
  shift(waiter: RedisWaiter): void {
    if (waiter.isQueued) this.#rate.served++;
    this.remove(waiter);
  }

  remove(waiter: RedisWaiter): void {
    this.setUnqueued(waiter);
    this.#queue.remove(waiter);
    if (this.#queue.size === 0) this.#disarm();
  }

  /** Waiters of this process that are granted in a millisecond; `undefined` where it is unknown. */
  ratePerMs(permits: number): number | undefined {
    return this.#rate.perMs(this.#clock.now(), permits);
  }

  /** Time until all present waiters have been served, at the measured rate; `undefined` where it is unknown. */
  retryAfterMs(permits: number): number | undefined {
    const rate = this.ratePerMs(permits);
    return rate === undefined ? undefined : (this.size + 1) / rate;
  }

  [Symbol.iterator](): IterableIterator<RedisWaiter> {
    return this.#queue[Symbol.iterator]();
  }

  /** Sees to it that `check` is called: in `nextMs`, or after the usual time if that is less. */
  watch(nextMs: number): void {
    if (this.#queue.size === 0) return;
    // The processes that wait for the same lease to end need not ask at the same moment.
    const jitterMs = 1 + Math.random() * this.#checkMs * 0.1;
    const delayMs = Math.ceil(Math.min(Math.max(nextMs, 0), this.#checkMs) + jitterMs);
    const due = this.#clock.now() + delayMs;
    if (due >= this.#timerDue) return;
    this.#disarm();
    this.#timerDue = due;
    this.#timer = this.#clock.setTimer(
      () => {
        this.#timer = undefined;
        this.#timerDue = Infinity;
        this.#check();
      },
      delayMs,
      true,
    );
  }

  #disarm(): void {
    if (this.#timer !== undefined) this.#clock.clearTimer(this.#timer);
    this.#timer = undefined;
    this.#timerDue = Infinity;
  }
}

function ignore(): void {
  // A prefetch request has no caller.
}
