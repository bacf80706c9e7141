import { checkOptionNames, checkWaitOptions, readRequest, throwIfAborted } from '../core/acquire-options.js';
import { DECIDE } from '../core/decide.js';
import type { AcquireRequest, Decision } from '../core/decide.js';
import { Lifecycle } from '../core/lifecycle.js';
import { LimiterBase } from '../core/limiter-base.js';
import type {
  AcquireOptions,
  IdleOptions,
  LimiterStats,
  Permit,
  TryAcquireOptions,
} from '../core/limiter.js';
import { SAMPLE_EXCHANGE } from '../core/sample-exchange.js';
import { STATS, StatsRecorder } from '../core/stats-recorder.js';
import type { LeaveReason, Waiter } from '../core/waiter.js';
import { BackendError } from '../errors.js';
import { systemClock } from '../internal/clock.js';
import { aboveLimit, describe, requireInteger } from '../internal/validate.js';
import type { LeaseManager } from './lease-manager.js';
import { LeasePermit, Usage } from './lease.js';
import type { LeasedPermit } from './lease.js';
import { openManager } from './manager-registry.js';
import { readRedisOptions } from './options.js';
import type { RedisSemaphoreOptions } from './options.js';
import { Connection } from './sync/connection.js';
import { sampleKeyNames } from './sync/keys.js';
import type { RedisClient } from './sync/connection.js';
import type { FleetStats } from './sync/sync-reply.js';
import { RedisSampleExchange } from './sample-exchange.js';
import { RedisWaiter } from './redis-waiter.js';

/** Stats of a `RedisSemaphore`. Unless it is said otherwise, they are those of this object alone. */
export interface RedisSemaphoreStats extends LimiterStats {
  /** Whether Redis serves the limit. While it is `'down'`, `onUnavailable` applies. */
  readonly backend: 'up' | 'down';
  /**
   * How a waiter learns of its grant: by a message at once, or by asking every 0.75 s. It is `'poll'` until the first
   * caller needs Redis, and while the subscription is lost.
   */
  readonly wakeUps: 'push' | 'poll';
  /**
   * The sums over all processes. `stats()` reads them from Redis at most once a second. They are `undefined` at first and
   * while Redis is down, and else as old as the previous call.
   */
  readonly fleet: FleetStats | undefined;
}

/**
 * A semaphore that processes share through Redis. All semaphores with the same `name` and `prefix` on the same Redis have
 * one limit and one queue: first come, first served across all processes, or by `priority`.
 *
 * A permit is a lease that is renewed while it is held, so a process that dies gives its permits back. At most `permits`
 * unexpired leases exist on one Redis that has lost no data. It bounds load and is no lock: a process that is paused
 * for longer than its lease can lose it without notice. A permit's `signal` aborts when its lease is lost.
 *
 * @throws `TypeError` or `RangeError` from the constructor and `resize`, naming the option and the value.
 *
 * @example
 * ```ts
 * import { RedisSemaphore } from 'express-semaphore/redis';
 * import { createClient } from 'redis';
 *
 * const client = await createClient({ url: process.env.REDIS_URL ?? 'redis://localhost' }).connect();
 * const reports = new RedisSemaphore(client, { name: 'reports', permits: 5, expectedNodes: 4 });
 * await reports.run((permit) => fetch('http://reports.internal/', { signal: permit.signal })).catch(console.error);
 *
 * reports.close();
 * await reports.idle();
 * client.destroy();
 * ```
 */
export class RedisSemaphore extends LimiterBase {
  readonly #maxWaitMs: number;
  readonly #connection: Connection;
  readonly #manager: LeaseManager;
  readonly #lifecycle: Lifecycle;
  readonly #usage: Usage;

  /**
   * All processes that use the same `name` share the permits.
   *
   * @param client - Of ioredis, node-redis or Valkey GLIDE. It stays yours: close it after `idle()`.
   * @param options - The name and the permits of the limit, which all processes share, and how Redis is used.
   */
  constructor(client: RedisClient, options: RedisSemaphoreOptions) {
    const { permits, version, maxWaitMs, maxHoldMs, shared } = readRedisOptions(options);
    super();
    this.#maxWaitMs = maxWaitMs;
    this.#connection = Connection.of(client);
    this.#manager = openManager(this.#connection, shared, permits, version);
    this.#lifecycle = new Lifecycle(new StatsRecorder(shared.name, systemClock));
    this.#usage = new Usage(this.#lifecycle, maxHoldMs);
  }

  /** @internal */
  override get [STATS](): StatsRecorder {
    return this.#lifecycle.stats;
  }

  /** @internal */
  get [SAMPLE_EXCHANGE](): RedisSampleExchange {
    const { prefix, name } = this.#manager.shared;
    return new RedisSampleExchange(this.#connection, sampleKeyNames(prefix, name));
  }

  /** The limit of all processes, as last heard from Redis. */
  override get permits(): number {
    return this.#manager.permits;
  }

  /** Permits held by callers of this object. */
  override get held(): number {
    return this.#usage.held;
  }

  /** Queued callers of this object. */
  override get waiting(): number {
    return this.#usage.waiting;
  }

  override get queueLimit(): number {
    return this.#manager.shared.queueLimit;
  }

  override get maxWaitMs(): number {
    return this.#maxWaitMs;
  }

  override get closed(): boolean {
    return this.#lifecycle.isClosed;
  }

  override acquire(options?: AcquireOptions): Promise<LeasedPermit> {
    return new Promise((resolve, reject) => {
      // An error that this throws rejects the promise.
      this.#acquire(resolve as (permit: Permit) => void, reject, options);
    });
  }

  /** Acquires a permit if that needs no question to Redis: a prefetched one, or one by `onUnavailable` in an outage. */
  override tryAcquire(options: TryAcquireOptions = {}): LeasedPermit | undefined {
    checkOptionNames('tryAcquire', options);
    const { weight } = this.#readRequest(options);
    if (this.#lifecycle.isClosed) throw this.#lifecycle.closedError();
    if (this.#manager.isTooHeavy(weight)) throw aboveLimit('weight', weight, this.permits);
    const permit = this.#manager.acquireLocally(this.#usage, weight);
    if (permit === undefined) this[STATS].rejectWithCode('ERR_SEMAPHORE_WAIT_TIMEOUT');
    return permit;
  }

  /** @internal */
  [DECIDE]({ weight }: AcquireRequest): Decision {
    if (this.#lifecycle.isClosed || this.#manager.isTooHeavy(weight)) return 'wait';
    return this.#manager.acquireLocally(this.#usage, weight) ?? 'wait';
  }

  /**
   * Changes the limit for all processes. More permits serve the next waiters at once. Fewer revoke nothing. Waiters that
   * weigh more than the new limit are rejected with a `RangeError`.
   *
   * It holds until the next `resize` or until a process starts with a higher `version`. Redis and each process that has
   * heard of it remember it.
   */
  resize(permits: number): void {
    requireInteger('permits', permits, 0);
    this.#manager.resize(permits, this.#usage);
  }

  override close(reason?: unknown): void {
    if (this.#lifecycle.close(reason)) this.#manager.close(this.#usage);
  }

  /**
   * Resolves when this object holds nothing, has no waiter, and Redis counts nothing of it any more. Then the client may
   * be closed. If Redis does not answer, that takes one lease, by whose end all leases have ended.
   */
  override idle(options?: IdleOptions): Promise<void> {
    const isQuiet = this.#manager.isQuiet(this.#usage);
    const idle = this.#lifecycle.idle(isQuiet, options);
    if (!isQuiet) this.#manager.noticeWhenQuiet(this.#usage);
    return idle;
  }

  /**
   * Resolves when Redis has run the script and a message has made the way through Redis to this process. Await it at the
   * start of a server.
   *
   * Rejects with a `BackendError` whose message names what is missing: a right, the subscription, or an answer within 4
   * seconds or four times `timeoutMs`.
   */
  async ready(): Promise<void> {
    try {
      await this.#manager.ready();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const { prefix, name } = this.#manager.shared;
      throw new BackendError(`Redis cannot be used for the limit ${prefix}:${name}: ${why}`, {
        cause: error,
      });
    }
  }

  override stats(): RedisSemaphoreStats {
    const stats = this.#lifecycle.stats.limiterStats(this, this.#manager.ratePerMs);
    return Object.freeze({
      ...stats,
      backend: this.#manager.isDown ? 'down' : 'up',
      wakeUps: this.#manager.hasWakeUps ? 'push' : 'poll',
      fleet: this.#manager.fleet(),
    });
  }

  #acquire(
    resolve: (permit: Permit) => void,
    reject: (error: unknown) => void,
    options: AcquireOptions = {},
  ): void {
    checkOptionNames('acquire', options);
    const { signal, maxWaitMs = this.#maxWaitMs, onQueued, maxHoldMs = Infinity } = options;
    const request = this.#readRequest(options);
    const { weight } = request;
    checkWaitOptions(maxWaitMs, signal, onQueued, maxHoldMs);
    if (onQueued !== undefined)
      throw new RangeError(
        'onQueued must be undefined, as a RedisSemaphore knows no positions, got a function',
      );
    const grant = (permit: Permit): void => {
      if (maxHoldMs < this.#usage.maxHoldMs && permit instanceof LeasePermit)
        permit.limitHold(maxHoldMs, this.#lifecycle);
      resolve(permit);
    };
    if (signal !== undefined) throwIfAborted(signal, this.#lifecycle.stats);
    if (this.#lifecycle.isClosed) throw this.#lifecycle.closedError();
    if (this.#manager.isTooHeavy(weight)) throw aboveLimit('weight', weight, this.permits);
    const local = this.#manager.acquireLocally(this.#usage, weight, signal);
    if (local !== undefined) {
      grant(local);
      return;
    }
    const isTry = maxWaitMs === 0;
    const waiter = new RedisWaiter(this.#usage, isTry, request, signal, grant, reject);
    // The question itself takes time, so a caller that does not wait gets the answer without a time limit.
    const limitMs = isTry ? Infinity : maxWaitMs;
    if (signal !== undefined || limitMs !== Infinity) {
      const onLeave = (_: Waiter, why: LeaveReason): void => {
        this.#manager.leave(waiter, why);
      };
      waiter.limitWait(onLeave, limitMs, systemClock);
    }
    this.#manager.enqueue(waiter, this.#usage);
  }

  /** @throws `RangeError` for a priority or a flow that the queue in Redis cannot honour. */
  #readRequest(options: TryAcquireOptions): AcquireRequest {
    const request = readRequest(options);
    const { priority, flow } = request;
    if (priority !== 0 && this.#manager.shared.order === 'fifo')
      throw new RangeError(`priority must be 0 with the order fifo, got ${describe(priority)}`);
    if (flow !== '')
      throw new RangeError(`flow must be '', as a RedisSemaphore has no flows, got ${describe(flow)}`);
    return request;
  }
}
