import type { QueueNode } from '../queue/fifo.js';
import { unwatchAbort, watchAbort } from './abort-watch.js';
import type { AbortWatcher } from './abort-watch.js';
import type { Clock } from './clock.js';
import type { Permit } from './limiter.js';

/** Why a waiter leaves the line by itself. */
export type Departure = 'timeout' | 'abort';

/** One that stands in line. It settles once, and its timer and listener go with it. */
export class Waiter implements QueueNode<Waiter>, AbortWatcher {
  previous: Waiter | undefined = undefined;
  next: Waiter | undefined = undefined;
  readonly weight: number;
  /** When it came, by the limiter's clock. */
  readonly since: number;
  readonly signal: AbortSignal | undefined;
  readonly promise: Promise<Permit>;

  #resolve!: (permit: Permit) => void;
  #reject!: (error: unknown) => void;
  #depart: ((waiter: Waiter, why: Departure) => void) | undefined = undefined;
  #clock: Clock | undefined = undefined;
  #timer: unknown = undefined;

  constructor(weight: number, since: number, signal: AbortSignal | undefined) {
    this.weight = weight;
    this.since = since;
    this.signal = signal;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Calls `depart` when the signal aborts or the wait has lasted `maxWaitMs`, unless it is settled before. */
  watch(depart: (waiter: Waiter, why: Departure) => void, maxWaitMs: number, clock: Clock): void {
    this.#depart = depart;
    if (this.signal !== undefined) watchAbort(this.signal, this);
    if (maxWaitMs === Infinity) return;
    this.#clock = clock;
    this.#timer = clock.setTimer(() => this.#depart?.(this, 'timeout'), maxWaitMs);
  }

  aborted(): void {
    this.#depart?.(this, 'abort');
  }

  grant(permit: Permit): void {
    this.#unwatch();
    this.#resolve(permit);
  }

  refuse(error: unknown): void {
    this.#unwatch();
    this.#reject(error);
  }

  #unwatch(): void {
    if (this.#depart === undefined) return;
    this.#depart = undefined;
    this.#clock?.clearTimer(this.#timer);
    if (this.signal !== undefined) unwatchAbort(this.signal, this);
  }
}
