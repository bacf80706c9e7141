import { DECIDE } from '../core/decide.js';
import type { AcquireRequest, Decider, Decision } from '../core/decide.js';
import { LimiterBase } from '../core/limiter-base.js';
import type {
  AcquireOptions,
  IdleOptions,
  Limiter,
  LimiterStats,
  Permit,
  TryAcquireOptions,
} from '../core/limiter.js';
import { SAMPLE_EXCHANGE } from '../core/sample-exchange.js';
import type { SampleExchange } from '../core/sample-exchange.js';
import { STATS } from '../core/stats-recorder.js';
import type { StatsRecorder } from '../core/stats-recorder.js';
import { withRelease } from '../core/wrapped-permit.js';
import { isSemaphoreError } from '../errors.js';
import { CLOCK_CHECK, systemClock } from '../internal/clock.js';
import type { Clock } from '../internal/clock.js';
import { readOptions } from '../internal/options.js';
import { describe, requireObject, withMethods } from '../internal/validate.js';
import { warn } from '../internal/warn.js';
import { wholeLimit } from './algorithm.js';
import type { LimitAlgorithm } from './algorithm.js';
import { systemEventLoopLoad } from './event-loop-load.js';
import type { EventLoopLoad } from './event-loop-load.js';
import { FleetLimit } from './fleet-limit.js';
import { gradient } from './gradient.js';

/** A limiter whose limit all processes share: a `RedisSemaphore`. */
export interface SharedLimiter extends Limiter {
  /** The limit of all processes. */
  readonly permits: number;
  /** Changes the limit of all processes. */
  resize(permits: number): void;
}

/** Options of a `SharedAdaptiveSemaphore`. */
export interface SharedAdaptiveOptions {
  /**
   * Computes the limit of all processes. It needs a `state`, and all processes need the same algorithm.
   * @defaultValue `gradient` that begins at the `permits` of the limiter and ends at ten times as many, 1,000 at least
   */
  readonly algorithm?: LimitAlgorithm | undefined;

  /** Where event-loop load comes from. @defaultValue `performance.eventLoopUtilization()` */
  readonly eventLoopLoad?: EventLoopLoad | undefined;

  /** Source of time. Pass your own only in tests and simulations. @defaultValue the system's monotonic clock */
  readonly clock?: Clock | undefined;
}

/** What a shared limiter of this package has, also one of another copy of it. */
type FleetLimiter = LimiterBase & Decider & SharedLimiter & { readonly [SAMPLE_EXCHANGE]: SampleExchange };

/**
 * A limiter whose processes find one limit together. Its permits are those of a `RedisSemaphore`, and so are its queue and
 * its options. Nobody else may resize that semaphore.
 *
 * Each process reports samples to Redis every 100 ms while it is in use. One process, the leader, computes the limit from
 * the reports of all. If it reports nothing for 200 ms, another process goes on with what it has learned.
 *
 * While Redis does not answer, the limit stays as it is. An algorithm or an exchange that fails causes one warning.
 *
 * @throws `TypeError` or `RangeError` from the constructor for a bad option.
 *
 * @example
 * ```ts
 * import { SharedAdaptiveSemaphore } from 'express-semaphore/adaptive';
 * import { RedisSemaphore } from 'express-semaphore/redis';
 * import { createClient } from 'redis';
 *
 * const url = process.env.REDIS_URL ?? 'redis://localhost';
 * const client = await createClient({ url }).on('error', console.error).connect();
 * const database = new SharedAdaptiveSemaphore(new RedisSemaphore(client, { name: 'database', permits: 200 }));
 * console.log(await database.run(() => 'rows'));
 * await client.close();
 * ```
 */
export class SharedAdaptiveSemaphore extends LimiterBase {
  readonly #limiter: FleetLimiter;
  readonly #clock: Clock;
  readonly #fleet: FleetLimit;
  #hasWarned = false;

  /**
   * The search starts at the permits of `limiter`.
   *
   * @param limiter - Its permits and its queue are used.
   * @param options - The algorithm.
   */
  constructor(limiter: SharedLimiter, options: SharedAdaptiveOptions = {}) {
    requireFleetLimiter(limiter);
    const read = readOptions('SharedAdaptiveSemaphore', options, CHECKS);
    const {
      algorithm = defaultAlgorithm(limiter),
      eventLoopLoad = systemEventLoopLoad,
      clock = systemClock,
    } = read;
    super();
    wholeLimit('algorithm.initial', algorithm.initial);
    this.#limiter = limiter;
    this.#clock = clock;
    this.#fleet = new FleetLimit(
      limiter[SAMPLE_EXCHANGE],
      algorithm,
      clock,
      eventLoopLoad,
      this.#apply,
      this.#fail,
    );
  }

  /** @internal */
  override get [STATS](): StatsRecorder {
    return this.#limiter[STATS];
  }

  /** The limit of all processes, as last heard. */
  override get permits(): number {
    return this.#limiter.permits;
  }

  /** Permits held by callers of this process. */
  override get held(): number {
    return this.#limiter.held;
  }

  override get waiting(): number {
    return this.#limiter.waiting;
  }

  override get queueLimit(): number {
    return this.#limiter.queueLimit;
  }

  override get maxWaitMs(): number {
    return this.#limiter.maxWaitMs;
  }

  override get closed(): boolean {
    return this.#limiter.closed;
  }

  override async acquire(options?: AcquireOptions): Promise<Permit> {
    return this.#sampled(await this.#limiter.acquire(options));
  }

  /** @internal */
  [DECIDE](request: AcquireRequest, maxWaitMs: number): Decision {
    const decision = this.#limiter[DECIDE](request, maxWaitMs);
    return decision === 'wait' || isSemaphoreError(decision) ? decision : this.#sampled(decision);
  }

  override tryAcquire(options?: TryAcquireOptions): Permit | undefined {
    const permit = this.#limiter.tryAcquire(options);
    return permit && this.#sampled(permit);
  }

  /** Closes the limiter, too. Another process leads then. */
  override close(reason?: unknown): void {
    this.#fleet.close();
    this.#limiter.close(reason);
  }

  override idle(options?: IdleOptions): Promise<void> {
    return this.#limiter.idle(options);
  }

  override stats(): LimiterStats {
    return this.#limiter.stats();
  }

  #sampled(permit: Permit): Permit {
    const startedMs = this.#clock.now();
    return withRelease(permit, (onRelease) => (weight, outcome) => {
      if (outcome !== undefined) this.#fleet.add(startedMs, outcome);
      onRelease(weight, outcome);
    });
  }

  readonly #apply = (limit: unknown): boolean => {
    const permits = wholeLimit('the result of algorithm.next', limit);
    if (permits === this.permits) return false;
    this.#limiter.resize(permits);
    return true;
  };

  readonly #fail = (error: unknown): void => {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    warn('WARN_SEMAPHORE_ALGORITHM_FAILED', 'the limit of all processes did not change', error);
  };
}

function requireFleetLimiter(limiter: SharedLimiter): asserts limiter is FleetLimiter {
  requireObject('limiter', limiter);
  if (SAMPLE_EXCHANGE in limiter) return;
  throw new TypeError(`limiter must be a RedisSemaphore, got ${describe(limiter)}`);
}

function requireAlgorithm(name: string, algorithm: unknown): void {
  withMethods('next')(name, algorithm);
  if ('state' in (algorithm as LimitAlgorithm)) return;
  throw new TypeError(`${name} must have a state, so that another process can go on with it`);
}

const CHECKS = {
  algorithm: requireAlgorithm,
  eventLoopLoad: withMethods('busyMs'),
  clock: CLOCK_CHECK,
};

function defaultAlgorithm({ permits }: SharedLimiter): LimitAlgorithm {
  const initialPermits = Math.max(3, permits);
  return gradient({ initialPermits, maxPermits: Math.max(1_000, 10 * initialPermits) });
}
