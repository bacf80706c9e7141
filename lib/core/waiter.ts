import type { AcquireRequest, QueueNode } from '../orders/order-queue.js';
import type { AbortListener } from '../internal/abort-listeners.js';
import type { Clock } from '../internal/clock.js';
import { listen, unlisten } from './leave.js';
import type { WaitSignal } from './leave.js';
import type { Permit } from './limiter.js';

/** What ended a wait, apart from a grant and a rejection by the limiter. */
export type LeaveReason = 'timeout' | 'abort';

/** Called when the waiter's timer or signal ends its wait. */
export type OnLeave = (waiter: Waiter, why: LeaveReason) => void;

/** A queued caller. When it settles, its timer and its abort listener are removed. */
export class Waiter implements QueueNode<Waiter> {
  previous: Waiter | undefined;
  next: Waiter | undefined;
  readonly weight: number;
  readonly priority: number;
  readonly flow: string;
  readonly signal: WaitSignal | undefined;
  /** Enqueue time on the limiter's clock. */
  since: number;
  /** Stack of the `acquire` call, for the warning about a permit held long. */
  calledAt: Error | undefined;

  readonly #resolve: (permit: Permit) => void;
  readonly #reject: (error: unknown) => void;
  /** A separate object, because most waiters of a long queue have neither a signal nor a time limit. */
  #limit: WaitLimit | undefined;

  constructor(
    { weight, priority, flow }: AcquireRequest,
    signal: WaitSignal | undefined,
    since: number,
    resolve: (permit: Permit) => void,
    reject: (error: unknown) => void,
  ) {
    this.weight = weight;
    this.priority = priority;
    this.flow = flow;
    this.signal = signal;
    this.since = since;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Calls `onLeave` when the signal aborts or the wait has lasted `maxWaitMs`, unless the waiter settles before. */
  limitWait(onLeave: OnLeave, maxWaitMs: number, clock: Clock): void {
    this.#limit = new WaitLimit(this, onLeave, maxWaitMs, clock);
  }

  grant(permit: Permit): void {
    this.#limit?.end();
    this.#resolve(permit);
  }

  reject(error: unknown): void {
    this.#limit?.end();
    this.#reject(error);
  }
}

/** The timer and the abort listener of one waiter. */
class WaitLimit implements AbortListener {
  readonly #waiter: Waiter;
  readonly #onLeave: OnLeave;
  readonly #clock: Clock;
  readonly #timer: unknown;

  constructor(waiter: Waiter, onLeave: OnLeave, maxWaitMs: number, clock: Clock) {
    this.#waiter = waiter;
    this.#onLeave = onLeave;
    this.#clock = clock;
    // The timer is first: a clock that throws then leaves no listener behind.
    if (maxWaitMs !== Infinity) {
      this.#timer = clock.setTimer(() => {
        onLeave(waiter, 'timeout');
      }, maxWaitMs);
    }
    if (waiter.signal !== undefined) listen(waiter.signal, this);
  }

  aborted(): void {
    this.#onLeave(this.#waiter, 'abort');
  }

  end(): void {
    if (this.#timer !== undefined) this.#clock.clearTimer(this.#timer);
    if (this.#waiter.signal !== undefined) unlisten(this.#waiter.signal, this);
  }
}
