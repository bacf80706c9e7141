import {
  checkAcquireOptions,
  checkOptionNames,
  throwIfAborted,
  checkWaitOptions,
} from '../core/acquire-options.js';
import { systemClock } from '../internal/clock.js';
import { Lifecycle } from '../core/lifecycle.js';
import { LimiterBase } from '../core/limiter-base.js';
import type {
  AcquireOptions,
  IdleOptions,
  LimiterStats,
  Permit,
  TryAcquireOptions,
} from '../core/limiter.js';
import { STATS } from '../core/stats-recorder.js';
import type { StatsRecorder } from '../core/stats-recorder.js';
import { requireInteger } from '../internal/validate.js';
import type { LeaveReason, Waiter } from '../core/waiter.js';
import { BackendError } from '../errors.js';
import { Grants } from './grants.js';
import { keyNames } from './sync/keys.js';
import type { KeyNames } from './sync/keys.js';
import type { LeasedPermit } from './lease.js';
import { Connection } from './sync/connection.js';
import type { RedisClient } from './sync/connection.js';
import { readOptions } from './options.js';
import type { RedisSemaphoreOptions, ResolvedOptions } from './options.js';
import { RedisWaiter } from './wait-queue.js';

/** What a `RedisSemaphore` reports: `held` and `waiting` are this process's own, as `available` is at most. */
export interface RedisSemaphoreStats extends LimiterStats {
  /** Whether Redis answers; while it is down, `onUnavailable` says what happens. */
  readonly backend: 'up' | 'down';
}

/**
 * A semaphore that all processes share which use the same `name` on the same Redis: first come, first served across all
 * of them. A permit is a lease that is renewed while it is held, so the permits of a process that dies come back.
 *
 * On one uninterrupted primary at most `permits` leases are out at once. It bounds load; it is no lock: a process
 * that stands still can lose its lease without knowing, and lost data lets too many run for one lease at most. A
 * permit's `signal` aborts when its lease is lost, and its `fence` lets a store refuse those who came too late.
 *
 * @throws `TypeError` or `RangeError` from the constructor and `resize`, naming the option and the value.
 *
 * @example
 * ```ts
 * import { Redis } from 'ioredis';
 * import { createClient } from 'redis';
 * import { BackendError, LeaseLostError, RedisSemaphore } from 'express-semaphore/redis';
 * import type { IoRedisClient, LeasedPermit, NodeRedisClient, RedisClient } from 'express-semaphore/redis';
 * import type { RedisSemaphoreOptions, RedisSemaphoreStats, UnavailablePolicy } from 'express-semaphore/redis';
 * import type { ValkeyGlideClient } from 'express-semaphore/redis';
 *
 * const url = process.env.REDIS_URL ?? 'redis://localhost';
 * const ioRedis = new Redis(url);
 * const nodeRedis = await createClient({ url }).connect();
 * const clients: [IoRedisClient, NodeRedisClient] = [ioRedis, nodeRedis];
 * const client: RedisClient | ValkeyGlideClient = clients[0]; // either does, and so does one of valkey-glide
 *
 * const onUnavailable: UnavailablePolicy = 'closed';
 * const options: RedisSemaphoreOptions = { name: 'reports', permits: 5, onUnavailable };
 * const reports = new RedisSemaphore(client, options);
 * try {
 *   const permit: LeasedPermit = await reports.acquire();
 *   console.log(permit.fence, permit.signal.reason instanceof LeaseLostError);
 *   permit.release();
 * } catch (error) {
 *   if (!(error instanceof BackendError)) throw error;
 * }
 * const { backend }: RedisSemaphoreStats = reports.stats();
 *
 * reports.close();
 * await reports.idle();
 * await Promise.all([ioRedis.quit(), nodeRedis.quit()]);
 * ```
 */
export class RedisSemaphore extends LimiterBase {
  readonly #node: Connection;
  readonly #keys: KeyNames;
  readonly #terms: ResolvedOptions;
  readonly #grants: Grants;
  readonly #lifecycle: Lifecycle;

  constructor(client: RedisClient, options: RedisSemaphoreOptions) {
    super();
    this.#terms = readOptions(options);
    this.#keys = keyNames(this.#terms.prefix, this.#terms.name);
    this.#node = Connection.of(client);
    this.#grants = new Grants(this.#node, this.#keys, this.#terms, this.#noticeQuiet);
    this.#lifecycle = new Lifecycle(this.#grants.roster.stats);
  }

  /** @internal */
  override get [STATS](): StatsRecorder {
    return this.#grants.roster.stats;
  }

  /** The limit, as last heard from Redis. */
  override get permits(): number {
    return this.#terms.permits;
  }

  /** Permits that callers in this process hold. */
  override get held(): number {
    const { leases, stock } = this.#grants.roster;
    return leases.held - stock.size;
  }

  /** Waiters of this process. */
  override get waiting(): number {
    return this.#grants.roster.line.size;
  }

  override get queueLimit(): number {
    return this.#terms.queueLimit;
  }

  override get maxWaitMs(): number {
    return this.#terms.maxWaitMs;
  }

  override get closed(): boolean {
    return this.#lifecycle.isClosed;
  }

  override acquire(options?: AcquireOptions): Promise<LeasedPermit> {
    return new Promise((resolve, reject) => {
      // What this throws is what the promise rejects with.
      this.#acquire(resolve as (permit: Permit) => void, reject, options);
    });
  }

  /** Takes a permit if no question to Redis is needed for it: one of a batch, or while Redis is down one that the policy allows. */
  override tryAcquire(options: TryAcquireOptions = {}): LeasedPermit | undefined {
    checkOptionNames('tryAcquire', options);
    const { weight = 1, priority, flow } = options;
    checkAcquireOptions(weight, priority, flow);
    if (this.#lifecycle.isClosed || this.#grants.roster.isTooHeavy(weight)) return undefined;
    return this.#grants.roster.takeHere(weight);
  }

  /**
   * Changes the limit for all processes, and outlasts what older ones were made with. More permits serve the next
   * waiters at once. Fewer revoke nothing. Waiters that weigh more than the new limit are refused with a `RangeError`.
   */
  resize(permits: number): void {
    requireInteger('permits', permits, 0);
    this.#terms.permits = permits;
    this.#grants.roster.measureLimit();
    this.#grants.link.resize(permits);
  }

  override close(reason?: unknown): void {
    if (!this.#lifecycle.close(reason)) return;
    for (const waiter of this.#grants.roster.line)
      this.#grants.roster.dismiss(waiter, this.#lifecycle.closedError(waiter));
    this.#grants.roster.stock.clear();
    this.#noticeQuiet();
  }

  /**
   * Resolves once this process holds nothing, nobody in it waits, and Redis counts nothing of it any more; then the
   * client may be closed. That is once Redis has been told, or has not answered for a lease: by then what it knew has
   * run out.
   */
  override idle(options?: IdleOptions): Promise<void> {
    return this.#lifecycle.idle(this.#isQuiet(), options);
  }

  /**
   * Resolves once Redis has run the script and can wake this process; for the start of a server.
   *
   * Rejects with a `BackendError` whose `cause` says what is wrong, such as an access list without PUBLISH.
   */
  async ready(): Promise<void> {
    try {
      await this.#grants.link.ping();
      await this.#node.requireWakeUps(this.#keys[2]);
    } catch (error) {
      throw new BackendError(
        `Redis cannot be used: ${error instanceof Error ? error.message : String(error)}`,
        { cause: error },
      );
    }
  }

  override stats(): RedisSemaphoreStats {
    const stats = this.#grants.roster.stats.limiterStats(this, this.#grants.roster.ratePerMs);
    return Object.freeze({ ...stats, backend: this.#grants.link.isDown ? 'down' : 'up' });
  }

  #acquire(
    resolve: (permit: Permit) => void,
    reject: (error: unknown) => void,
    options: AcquireOptions = {},
  ): void {
    checkOptionNames('acquire', options);
    const { weight = 1, priority, flow, signal, maxWaitMs = this.#terms.maxWaitMs } = options;
    checkAcquireOptions(weight, priority, flow);
    checkWaitOptions(maxWaitMs, signal);
    if (signal !== undefined) throwIfAborted(signal, this.#grants.roster.stats);
    if (this.#lifecycle.isClosed) throw this.#lifecycle.closedError();
    if (this.#grants.roster.isTooHeavy(weight)) throw this.#grants.roster.tooHeavy(weight);
    const here = this.#grants.roster.takeHere(weight, signal);
    if (here !== undefined) {
      resolve(here);
      return;
    }
    const waiter = new RedisWaiter(this.#node.nextSeq(), maxWaitMs === 0, weight, signal, resolve, reject);
    // The question itself takes time: who does not want to wait, waits for the answer.
    const patienceMs = waiter.isTry ? Infinity : maxWaitMs;
    if (signal !== undefined || patienceMs !== Infinity) {
      const depart = (_: Waiter, why: LeaveReason): void => {
        this.#grants.roster.depart(waiter, why);
      };
      waiter.limitWait(depart, patienceMs, systemClock);
    }
    this.#grants.roster.enter(waiter);
  }

  #isQuiet(): boolean {
    return this.#grants.roster.leases.held === 0 && this.waiting === 0 && this.#grants.link.isSettled;
  }

  readonly #noticeQuiet = (): void => {
    if (!this.#isQuiet()) return;
    this.#grants.link.leave();
    this.#lifecycle.noticeIdle();
  };
}
