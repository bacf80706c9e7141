import { systemClock } from '../internal/clock.js';
import type {
  AcquireOptions,
  Limiter,
  LimiterStats,
  Outcome,
  Permit,
  TryAcquireOptions,
} from '../core/limiter.js';
import { runWithPermit } from '../core/run.js';
import { Semaphore } from '../core/semaphore.js';
import type { SemaphoreOptions } from '../core/semaphore-options.js';
import { STATS } from '../core/stats-recorder.js';
import type { StatsRecorder } from '../core/stats-recorder.js';
import { requireInteger, requireMethods, requireOneOf, requireOptions } from '../internal/validate.js';
import type { LimitAlgorithm } from './algorithm.js';
import { systemEventLoopLoad } from './gauge.js';
import type { EventLoopLoad } from './gauge.js';
import { gradient } from './gradient.js';
import { SampledPermit } from './watched-permit.js';

/** How an `AdaptiveSemaphore` finds its limit, and lets callers wait. */
export interface AdaptiveSemaphoreOptions extends SemaphoreOptions {
  /** What finds the limit; made for this limiter. @defaultValue `gradient()` */
  readonly algorithm?: LimitAlgorithm | undefined;

  /** `'monitor'` finds the limit and reports it, but refuses and delays nobody. @defaultValue `'enforce'` */
  readonly mode?: 'enforce' | 'monitor' | undefined;

  /** How busy the thread is, for tests and simulations. @defaultValue the platform's event loop utilisation */
  readonly eventLoopLoad?: EventLoopLoad | undefined;
}

/**
 * A semaphore that finds its limit itself, from how long permits are held and how their work went: as many as keep the
 * process and what it depends on busy, and hardly more.
 *
 * `release('overload')` tells that the work failed because something was overloaded, `release('ignore')` that its
 * time says nothing; `limit` tells them from the response. A weight above the limit of the moment is refused: let
 * the algorithm's `minPermits` be the greatest weight in use.
 *
 * @throws `TypeError` or `RangeError` from the constructor, naming the option and the value.
 *
 * @example
 * ```ts
 * import express from 'express';
 * import { limit } from 'express-semaphore';
 * import { AdaptiveSemaphore, gradient } from 'express-semaphore/adaptive';
 * import type { AdaptiveSemaphoreOptions, LimitBounds } from 'express-semaphore/adaptive';
 *
 * const bounds: LimitBounds = { minPermits: 5, maxPermits: 500 };
 * const options: AdaptiveSemaphoreOptions = { algorithm: gradient(bounds), queueLimit: 100, mode: 'monitor' };
 * const adaptive = new AdaptiveSemaphore(options);
 * express().use(limit(adaptive, { maxWaitMs: 100 }));
 * ```
 */
export class AdaptiveSemaphore implements Limiter {
  readonly #algorithm: LimitAlgorithm;
  readonly #isMonitor: boolean;
  readonly #semaphore: Semaphore;
  readonly #clock: NonNullable<SemaphoreOptions['clock']>;
  readonly #eventLoopLoad: EventLoopLoad;
  #permits: number;

  constructor(options: AdaptiveSemaphoreOptions = {}) {
    requireOptions(options);
    const {
      algorithm = gradient(),
      mode = 'enforce',
      clock = systemClock,
      eventLoopLoad: gauge = systemEventLoopLoad,
      ...gateOptions
    } = options;
    requireOneOf('mode', mode, MODES);
    requireMethods('algorithm', algorithm, 'next');
    requireMethods('gauge', gauge, 'busyMs');
    this.#algorithm = algorithm;
    this.#isMonitor = mode === 'monitor';
    this.#clock = clock;
    this.#eventLoopLoad = gauge;
    this.#permits = whole('algorithm.initial', algorithm.initial);
    this.#semaphore = new Semaphore(this.#isMonitor ? Number.MAX_SAFE_INTEGER : this.#permits, {
      ...gateOptions,
      clock,
    });
  }

  /** @internal */
  get [STATS](): StatsRecorder {
    return this.#semaphore[STATS];
  }

  /** The limit of the moment. */
  get permits(): number {
    return this.#permits;
  }

  /** Permits out. */
  get held(): number {
    return this.#semaphore.held;
  }

  /** Permits free. */
  get available(): number {
    return Math.max(0, this.#permits - this.#semaphore.held);
  }

  /** Waiters admitted while no permit is free. */
  get queueLimit(): number {
    return this.#semaphore.queueLimit;
  }

  /** Waiters in line. */
  get waiting(): number {
    return this.#semaphore.waiting;
  }

  async acquire(options?: AcquireOptions): Promise<Permit> {
    return this.#watched(await this.#semaphore.acquire(options));
  }

  tryAcquire(options?: TryAcquireOptions): Permit | undefined {
    const permit = this.#semaphore.tryAcquire(options);
    return permit && this.#watched(permit);
  }

  /** Calls `work` with a permit, and releases it when the work has settled: as `'ignore'` if it has failed. */
  run<Result>(
    work: (permit: Permit) => Result | PromiseLike<Result>,
    options?: AcquireOptions,
  ): Promise<Result> {
    return runWithPermit(this, work, options);
  }

  close(reason?: unknown): void {
    this.#semaphore.close(reason);
  }

  idle(): Promise<void> {
    return this.#semaphore.idle();
  }

  stats(): LimiterStats {
    return Object.freeze({ ...this.#semaphore.stats(), permits: this.permits, available: this.available });
  }

  #watched(permit: Permit): Permit {
    return new SampledPermit(permit, this.#clock.now(), this.#semaphore.held, this.#onSample);
  }

  /** The new limit holds before the permit is handed on. */
  readonly #onSample = (startedMs: number, inFlight: number, outcome: Outcome): void => {
    if (outcome === 'ignore') return;
    const sample = {
      startedMs,
      endedMs: this.#clock.now(),
      busyMs: this.#eventLoopLoad.busyMs(),
      inFlight,
      isOverload: outcome === 'overload',
    };
    const permits = whole('what algorithm.next returns', this.#algorithm.next(sample));
    if (permits === this.#permits) return;
    if (this.#isMonitor) this.#semaphore[STATS].changeLimit(this.#permits, permits);
    else this.#semaphore.resize(permits);
    this.#permits = permits;
  };
}

const MODES = ['enforce', 'monitor'] as const;

/** The limit as a whole number. Throws for what no number of permits can be made of. */
function whole(name: string, limit: unknown): number {
  const permits = typeof limit === 'number' ? Math.max(1, Math.floor(limit)) : limit;
  requireInteger(name, permits, 1);
  return permits;
}
