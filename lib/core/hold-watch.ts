import type { Clock } from '../internal/clock.js';
import type { HoldTimeoutError } from '../errors.js';
import { warnOnce } from '../internal/warn.js';
import { HoldLimit } from './hold-limit.js';
import type { Permit } from './limiter.js';
import { HeldPermit } from './permit.js';
import type { OnRelease } from './permit.js';
import type { StatsRecorder } from './stats-recorder.js';
import { limitHold, TimedPermit } from './timed-permit.js';
import type { Waiter } from './waiter.js';

/** Makes permits with timers: for the warning after `warnHeldMs`, and for the abort after `maxHoldMs`. */
export class HoldWatch {
  readonly #stats: StatsRecorder;
  readonly #warnHeldMs: number;
  readonly #maxHoldMs: number;
  readonly #clock: Clock;

  constructor(stats: StatsRecorder, warnHeldMs: number, maxHoldMs: number, clock: Clock) {
    this.#stats = stats;
    this.#warnHeldMs = warnHeldMs;
    this.#maxHoldMs = maxHoldMs;
    this.#clock = clock;
  }

  /** Whether permits need no timer. */
  get isOff(): boolean {
    return this.#warnHeldMs === Infinity && this.#maxHoldMs === Infinity;
  }

  /** Keeps the stack of the `acquire` call, for the warning. */
  mark(waiter: Waiter): void {
    if (this.#warnHeldMs !== Infinity) waiter.calledAt = new Error('acquired here');
  }

  /** Counts and makes a permit. Its timers come first, because a clock that throws must not cost a permit. */
  grant(
    weight: number,
    onRelease: OnRelease,
    signal: AbortSignal | undefined,
    waiter: Waiter | undefined,
    waitedMs: number,
  ): Permit {
    const ended =
      this.#warnHeldMs === Infinity ? onRelease : this.#warnIfHeldLong(onRelease, waiter?.calledAt);
    const limit =
      this.#maxHoldMs === Infinity
        ? undefined
        : new HoldLimit(this.#maxHoldMs, this.#clock, signal, this.#countEnd(weight));
    const counted = this.#stats.grant(weight, ended, waiter);
    if (limit !== undefined) return new TimedPermit(weight, counted, limit, waitedMs);
    return new HeldPermit(weight, counted, signal, waitedMs);
  }

  /** Adds the hold limit of one call to its permit. */
  async limit(acquired: Promise<Permit>, maxHoldMs: number): Promise<Permit> {
    const permit = await acquired;
    if (maxHoldMs === Infinity) return permit;
    return limitHold(permit, maxHoldMs, this.#clock, this.#countEnd(permit.weight));
  }

  #countEnd(weight: number): (error: HoldTimeoutError) => void {
    return (error) => {
      this.#stats.countLoss('holdTimeout', weight, error);
    };
  }

  #warnIfHeldLong(onRelease: OnRelease, calledAt = new Error('acquired here')): OnRelease {
    const warnNow = () => {
      const message = `a permit is held for more than ${this.#warnHeldMs} ms`;
      warnOnce('WARN_SEMAPHORE_HELD_LONG', message, calledAt.stack);
    };
    const timer = this.#clock.setTimer(warnNow, this.#warnHeldMs, true);
    return (weight, outcome) => {
      if (outcome !== undefined) this.#clock.clearTimer(timer);
      onRelease(weight, outcome);
    };
  }
}
