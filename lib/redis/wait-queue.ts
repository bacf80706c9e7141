import type { Clock } from '../internal/clock.js';
import type { Permit } from '../core/limiter.js';
import { ReleaseRate } from '../core/release-rate.js';
import { Waiter } from '../core/waiter.js';
import { FifoQueue } from '../orders/fifo.js';

/** One that waits for Redis to answer, or in Redis's line. */
export class RedisWaiter extends Waiter {
  declare previous: RedisWaiter | undefined;
  declare next: RedisWaiter | undefined;
  readonly seq: string;
  /** It takes a permit that is free now, or none. */
  readonly isTry: boolean;
  /** Whether Redis may know of it. */
  isSent = false;
  /** Whether Redis has said that it stands in line. */
  isQueued = false;
  /** A grant that came before the answer to the ask. */
  early: readonly [fence: number, untilMs: number] | undefined;

  constructor(
    seq: string,
    isTry: boolean,
    weight: number,
    signal: AbortSignal | undefined,
    resolve: (permit: Permit) => void,
    reject: (error: unknown) => void,
  ) {
    super(weight, signal, resolve, reject);
    this.seq = seq;
    this.isTry = isTry;
  }
}

/**
 * This node's part of a line, in order. Wake-ups can be lost, so while somebody stands in line, `check` is called once
 * in a while: often enough to find a grant before its claim ends, and again when a lease of another node should have.
 */
export class WaitingLine {
  readonly #queue = new FifoQueue<RedisWaiter>();
  readonly #bySeq = new Map<string, RedisWaiter>();
  readonly #clock: Clock;
  readonly #checkMs: number;
  readonly #check: () => void;
  readonly #rate = new ReleaseRate();
  /** Of those in line, the ones that Redis has put in its own. */
  #queued = 0;
  #timer: unknown = undefined;

  constructor(clock: Clock, checkMs: number, check: () => void) {
    this.#clock = clock;
    this.#checkMs = checkMs;
    this.#check = check;
  }

  get size(): number {
    return this.#queue.size;
  }

  get first(): RedisWaiter | undefined {
    return this.#queue.first;
  }

  get(seq: string): RedisWaiter | undefined {
    return this.#bySeq.get(seq);
  }

  push(waiter: RedisWaiter): void {
    this.#queue.push(waiter);
    this.#bySeq.set(waiter.seq, waiter);
  }

  /** Redis has put `waiter` in its line: now it waits for a permit, and not just for an answer. */
  queued(waiter: RedisWaiter): void {
    if (waiter.isQueued) return;
    waiter.isQueued = true;
    if (this.#queued++ === 0) this.#rate.begin(this.#clock.now());
  }

  /** Redis has served `waiter`, which comes to nothing: it has to ask once more. */
  unqueued(waiter: RedisWaiter): void {
    if (!waiter.isQueued) return;
    waiter.isQueued = false;
    if (--this.#queued === 0) this.#rate.end(this.#clock.now());
  }

  /** Takes out `waiter`, because it is served. */
  serve(waiter: RedisWaiter): void {
    if (waiter.isQueued) this.#rate.served++;
    this.remove(waiter);
  }

  /** How many waiters of this node are served in a millisecond, of a limit of `permits`; `undefined` where that is unknown. */
  ratePerMs(permits: number): number | undefined {
    return this.#rate.perMs(this.#clock.now(), permits);
  }

  remove(waiter: RedisWaiter): void {
    this.unqueued(waiter);
    this.#queue.remove(waiter);
    this.#bySeq.delete(waiter.seq);
    if (this.#queue.size > 0 || this.#timer === undefined) return;
    this.#clock.clearTimer(this.#timer);
    this.#timer = undefined;
  }

  [Symbol.iterator](): IterableIterator<RedisWaiter> {
    return this.#queue[Symbol.iterator]();
  }

  /** Sees to it that the line is checked, `nextMs` from now at the latest if that is sooner than usual. */
  watch(nextMs: number): void {
    if (this.#queue.size === 0 || this.#timer !== undefined) return;
    // Nodes that wait for the same lease to end need not all ask in the same moment.
    const delayMs = Math.min(nextMs, this.#checkMs) + 1 + Math.random() * this.#checkMs * 0.1;
    this.#timer = this.#clock.setTimer(
      () => {
        this.#timer = undefined;
        this.#check();
      },
      Math.ceil(delayMs),
      true,
    );
  }
}
