import { systemClock } from '../internal/clock.js';
import { DECIDE } from '../core/decide.js';
import type { AcquireRequest, Decision } from '../core/decide.js';
import { LimiterBase } from '../core/limiter-base.js';
import type {
  AcquireOptions,
  IdleOptions,
  LimiterStats,
  Outcome,
  Permit,
  TryAcquireOptions,
} from '../core/limiter.js';
import { HeldPermit } from '../core/permit.js';
import { Semaphore } from '../core/semaphore.js';
import type { SemaphoreOptions } from '../core/semaphore-options.js';
import { STATS } from '../core/stats-recorder.js';
import type { StatsRecorder } from '../core/stats-recorder.js';
import type { Waiter } from '../core/waiter.js';
import { requireBoolean, requireMethods, requireNumber, requireObject } from '../internal/validate.js';
import { isSemaphoreError } from '../errors.js';
import { createQueue } from '../orders/index.js';
import { warn } from '../internal/warn.js';
import { wholeLimit } from './algorithm.js';
import type { LimitAlgorithm } from './algorithm.js';
import { systemEventLoopLoad } from './event-loop-load.js';
import type { EventLoopLoad } from './event-loop-load.js';
import { gradient } from './gradient.js';

/** Options of an `AdaptiveSemaphore`: those of a `Semaphore`, and how it finds its limit. */
export interface AdaptiveSemaphoreOptions extends SemaphoreOptions {
  /** Computes the limit. It belongs to this limiter alone. @defaultValue `gradient()` */
  readonly algorithm?: LimitAlgorithm | undefined;

  /** Finds and reports the limit, but never queues or rejects a caller. @defaultValue `false` */
  readonly dryRun?: boolean | undefined;

  /** Where event-loop load comes from. @defaultValue `performance.eventLoopUtilization()` */
  readonly eventLoopLoad?: EventLoopLoad | undefined;
}

/**
 * A semaphore that finds its limit from how long permits are held and how their work ends.
 *
 * `release('overload')` reports that the work failed because something was overloaded. After `release('ignore')` the
 * holding time is only a lower bound. `limit` chooses the outcome from the response.
 *
 * A weight above the current limit is a `RangeError`: set the algorithm's `minPermits` to the largest weight in use.
 * An algorithm that throws, or returns no number, leaves the limit unchanged and causes one warning. A promise counts as no
 * number, and its rejection is handled.
 *
 * @throws `TypeError` or `RangeError` from the constructor for a bad option.
 *
 * @example
 * ```ts
 * import express from 'express';
 * import { limit } from 'express-semaphore';
 * import { AdaptiveSemaphore, gradient } from 'express-semaphore/adaptive';
 *
 * const adaptive = new AdaptiveSemaphore({ algorithm: gradient({ maxPermits: 500 }), queueLimit: 100 });
 * express().use(limit(adaptive, { maxWaitMs: 100 }));
 * ```
 */
export class AdaptiveSemaphore extends LimiterBase {
  readonly #algorithm: LimitAlgorithm;
  readonly #isDryRun: boolean;
  readonly #semaphore: Semaphore;
  readonly #clock: NonNullable<SemaphoreOptions['clock']>;
  readonly #eventLoopLoad: EventLoopLoad;
  /** The last reading of the event-loop load, and its time. */
  #busyMs = 0;
  #readMs = -Infinity;
  #permits: number;
  #hasWarned = false;

  /**
   * The first limit comes from the algorithm.
   *
   * @param options - The algorithm and its bounds, and the options of `Semaphore`.
   */
  constructor(options: AdaptiveSemaphoreOptions = {}) {
    requireObject('options', options);
    super();
    const {
      algorithm = gradient(),
      dryRun = false,
      clock = systemClock,
      eventLoopLoad = systemEventLoopLoad,
      order = 'fifo',
      ...semaphoreOptions
    } = options;
    requireMethods('algorithm', algorithm, 'next');
    requireMethods('eventLoopLoad', eventLoopLoad, 'busyMs');
    this.#algorithm = algorithm;
    this.#isDryRun = requireBoolean('dryRun', dryRun);
    this.#clock = clock;
    this.#eventLoopLoad = eventLoopLoad;
    this.#permits = wholeLimit('algorithm.initial', algorithm.initial);
    createQueue<Waiter>(order, this.#permits);
    this.#semaphore = new Semaphore(this.#isDryRun ? Number.MAX_SAFE_INTEGER : this.#permits, {
      ...semaphoreOptions,
      // In a dry run nobody waits, also not at the maximum of a flow.
      order: this.#isDryRun ? 'fifo' : order,
      clock,
    });
  }

  /** @internal */
  override get [STATS](): StatsRecorder {
    return this.#semaphore[STATS];
  }

  /** Current limit. */
  override get permits(): number {
    return this.#permits;
  }

  /** Held permits. In a dry run it can exceed `permits`. */
  override get held(): number {
    return this.#semaphore.held;
  }

  override get waiting(): number {
    return this.#semaphore.waiting;
  }

  override get queueLimit(): number {
    return this.#semaphore.queueLimit;
  }

  override get maxWaitMs(): number {
    return this.#semaphore.maxWaitMs;
  }

  override get closed(): boolean {
    return this.#semaphore.closed;
  }

  override get paused(): boolean {
    return this.#semaphore.paused;
  }

  override async acquire(options?: AcquireOptions): Promise<Permit> {
    return this.#sampled(await this.#semaphore.acquire(options));
  }

  /** @internal */
  [DECIDE](request: AcquireRequest, maxWaitMs: number): Decision {
    const decision = this.#semaphore[DECIDE](request, maxWaitMs);
    return decision === 'wait' || isSemaphoreError(decision) ? decision : this.#sampled(decision);
  }

  override tryAcquire(options?: TryAcquireOptions): Permit | undefined {
    const permit = this.#semaphore.tryAcquire(options);
    return permit && this.#sampled(permit);
  }

  /** As `Semaphore.pause`. The limit still follows the permits that are released. */
  pause(): void {
    this.#semaphore.pause();
  }

  /** As `Semaphore.resume`. */
  resume(): void {
    this.#semaphore.resume();
  }

  /** As `Semaphore.clear`. */
  clear(reason?: unknown): void {
    this.#semaphore.clear(reason);
  }

  /** As `Semaphore.update`. */
  update(options: Pick<SemaphoreOptions, 'queueLimit' | 'maxWaitMs'> = {}): void {
    this.#semaphore.update(options);
  }

  override close(reason?: unknown): void {
    this.#semaphore.close(reason);
  }

  override idle(options?: IdleOptions): Promise<void> {
    return this.#semaphore.idle(options);
  }

  override stats(): LimiterStats {
    return Object.freeze({ ...this.#semaphore.stats(), permits: this.permits, available: this.available });
  }

  #sampled(permit: Permit): Permit {
    const startedMs = this.#clock.now();
    const inFlight = this.#semaphore.held;
    HeldPermit.changeRelease(permit, (onRelease) => (weight, outcome) => {
      if (outcome !== undefined) this.#onSample(startedMs, inFlight, outcome);
      onRelease(weight, outcome);
    });
    return permit;
  }

  /** Runs before the permit is released, so that the release applies the new limit. Never throws. */
  #onSample(startedMs: number, inFlight: number, outcome: Outcome): void {
    try {
      const endedMs = this.#clock.now();
      const sample = { startedMs, endedMs, busyMs: this.#busyMsAt(endedMs), inFlight, outcome };
      this.#setLimit(wholeLimit('the result of algorithm.next', this.#algorithm.next(sample)));
    } catch (error) {
      if (this.#hasWarned) return;
      this.#hasWarned = true;
      warn(
        'WARN_SEMAPHORE_ALGORITHM_FAILED',
        'the limit did not change, because its algorithm failed',
        error,
      );
    }
  }

  /** A reading is expensive, so it serves all samples of a millisecond. */
  #busyMsAt(nowMs: number): number {
    if (nowMs - this.#readMs >= 1) {
      const busyMs = this.#eventLoopLoad.busyMs();
      requireNumber('the result of eventLoopLoad.busyMs', busyMs);
      this.#busyMs = busyMs;
      this.#readMs = nowMs;
    }
    return this.#busyMs;
  }

  #setLimit(permits: number): void {
    if (permits === this.#permits) return;
    const previous = this.#permits;
    this.#permits = permits;
    if (this.#isDryRun) this.#semaphore[STATS].changeLimit(previous, permits);
    else this.#semaphore.resize(permits);
  }
}
