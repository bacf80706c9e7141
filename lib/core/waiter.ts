import type { QueueNode } from '../orders/order-queue.js';
import { removeAbortListener, addAbortListener } from '../internal/abort-listeners.js';
import type { AbortListener } from '../internal/abort-listeners.js';
import type { Clock } from '../internal/clock.js';
import type { Permit } from './limiter.js';

/** Why a waiter leaves the line by itself. */
export type LeaveReason = 'timeout' | 'abort';

/** Called when a waiter leaves the line by itself. */
export type OnLeave = (waiter: Waiter, why: LeaveReason) => void;

/** One that stands in line. It settles once, and its timer and listener go with it. */
export class Waiter implements QueueNode<Waiter> {
  previous: Waiter | undefined = undefined;
  next: Waiter | undefined = undefined;
  readonly weight: number;
  readonly priority: number;
  readonly flow: string;
  readonly signal: AbortSignal | undefined;
  /** When it came, by the limiter's clock, if its time is taken. */
  since = 0;
  /** For how many waiters its time counts; 0 if it is not taken. */
  standsFor = 0;
  /** Where it asked, if its permit is watched. */
  asked: Error | undefined = undefined;

  readonly #resolve: (permit: Permit) => void;
  readonly #reject: (error: unknown) => void;
  /** Kept apart, since most waiters in a long line have neither a signal nor a time limit. */
  #watch: Watch | undefined = undefined;

  constructor(
    weight: number,
    signal: AbortSignal | undefined,
    resolve: (permit: Permit) => void,
    reject: (error: unknown) => void,
    priority = 0,
    flow = '',
  ) {
    this.weight = weight;
    this.priority = priority;
    this.flow = flow;
    this.signal = signal;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Calls `depart` when the signal aborts or the wait has lasted `maxWaitMs`, unless it is settled before. */
  watch(depart: OnLeave, maxWaitMs: number, clock: Clock): void {
    this.#watch = new Watch(this, depart, maxWaitMs, clock);
  }

  grant(permit: Permit): void {
    this.#watch?.end();
    this.#resolve(permit);
  }

  reject(error: unknown): void {
    this.#watch?.end();
    this.#reject(error);
  }
}

/** The timer and the listener of one waiter, until it is settled. */
class Watch implements AbortListener {
  readonly #waiter: Waiter;
  readonly #depart: OnLeave;
  readonly #clock: Clock;
  readonly #timer: unknown;

  constructor(waiter: Waiter, depart: OnLeave, maxWaitMs: number, clock: Clock) {
    this.#waiter = waiter;
    this.#depart = depart;
    this.#clock = clock;
    if (waiter.signal !== undefined) addAbortListener(waiter.signal, this);
    if (maxWaitMs !== Infinity)
      this.#timer = clock.setTimer(() => {
        depart(waiter, 'timeout');
      }, maxWaitMs);
  }

  aborted(): void {
    this.#depart(this.#waiter, 'abort');
  }

  end(): void {
    if (this.#timer !== undefined) this.#clock.clearTimer(this.#timer);
    if (this.#waiter.signal !== undefined) removeAbortListener(this.#waiter.signal, this);
  }
}
