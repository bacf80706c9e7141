import { systemClock } from '../core/clock.js';
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
import { TALLY } from '../core/tally.js';
import type { Tally } from '../core/tally.js';
import { requireInteger, requireMethods, requireOneOf, requireOptions } from '../core/validate.js';
import type { Algorithm } from './algorithm.js';
import { systemGauge } from './gauge.js';
import type { Gauge } from './gauge.js';
import { gradient } from './gradient.js';
import { WatchedPermit } from './watched-permit.js';

/** How an `AdaptiveSemaphore` finds its limit, and lets callers wait. */
export interface AdaptiveSemaphoreOptions extends SemaphoreOptions {
  /** What finds the limit; made for this limiter. @defaultValue `gradient()` */
  readonly algorithm?: Algorithm | undefined;

  /** `'monitor'` finds the limit and reports it, but refuses and delays nobody. @defaultValue `'enforce'` */
  readonly mode?: 'enforce' | 'monitor' | undefined;

  /** How busy the thread is, for tests and simulations. @defaultValue the platform's event loop utilisation */
  readonly gauge?: Gauge | undefined;
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
 * import { AdaptiveSemaphore, gradient, limit } from 'express-semaphore';
 * import type { AdaptiveSemaphoreOptions, Bounds } from 'express-semaphore';
 *
 * const bounds: Bounds = { minPermits: 5, maxPermits: 500 };
 * const options: AdaptiveSemaphoreOptions = { algorithm: gradient(bounds), queueLimit: 100, mode: 'monitor' };
 * const adaptive = new AdaptiveSemaphore(options);
 * express().use(limit(adaptive, { maxWaitMs: 100 }));
 * ```
 */
export class AdaptiveSemaphore implements Limiter {
  readonly #algorithm: Algorithm;
  readonly #isMonitor: boolean;
  readonly #gate: Semaphore;
  readonly #clock: NonNullable<SemaphoreOptions['clock']>;
  readonly #gauge: Gauge;
  #permits: number;

  constructor(options: AdaptiveSemaphoreOptions = {}) {
    requireOptions(options);
    const {
      algorithm = gradient(),
      mode = 'enforce',
      clock = systemClock,
      gauge = systemGauge,
      ...gateOptions
    } = options;
    requireOneOf('mode', mode, MODES);
    requireMethods('algorithm', algorithm, 'next');
    requireMethods('gauge', gauge, 'busyMs');
    this.#algorithm = algorithm;
    this.#isMonitor = mode === 'monitor';
    this.#clock = clock;
    this.#gauge = gauge;
    this.#permits = whole('algorithm.initial', algorithm.initial);
    this.#gate = new Semaphore(this.#isMonitor ? Number.MAX_SAFE_INTEGER : this.#permits, {
      ...gateOptions,
      clock,
    });
  }

  /** @internal */
  get [TALLY](): Tally {
    return this.#gate[TALLY];
  }

  /** The limit of the moment. */
  get permits(): number {
    return this.#permits;
  }

  /** Permits out. */
  get held(): number {
    return this.#gate.held;
  }

  /** Permits free. */
  get available(): number {
    return Math.max(0, this.#permits - this.#gate.held);
  }

  /** Waiters admitted while no permit is free. */
  get queueLimit(): number {
    return this.#gate.queueLimit;
  }

  /** Waiters in line. */
  get waiting(): number {
    return this.#gate.waiting;
  }

  async acquire(options?: AcquireOptions): Promise<Permit> {
    return this.#watched(await this.#gate.acquire(options));
  }

  tryAcquire(options?: TryAcquireOptions): Permit | undefined {
    const permit = this.#gate.tryAcquire(options);
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
    this.#gate.close(reason);
  }

  idle(): Promise<void> {
    return this.#gate.idle();
  }

  stats(): LimiterStats {
    return Object.freeze({ ...this.#gate.stats(), permits: this.permits, available: this.available });
  }

  #watched(permit: Permit): Permit {
    return new WatchedPermit(permit, this.#clock.now(), this.#gate.held, this.#takeIn);
  }

  /** The new limit holds before the permit is handed on. */
  readonly #takeIn = (startedMs: number, inFlight: number, outcome: Outcome): void => {
    if (outcome === 'ignore') return;
    const sample = {
      startedMs,
      endedMs: this.#clock.now(),
      busyMs: this.#gauge.busyMs(),
      inFlight,
      isOverload: outcome === 'overload',
    };
    const permits = whole('what algorithm.next returns', this.#algorithm.next(sample));
    if (permits === this.#permits) return;
    if (this.#isMonitor) this.#gate[TALLY].changeLimit(this.#permits, permits);
    else this.#gate.resize(permits);
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
