import type { InspectOptions } from 'node:util';
import { decide, DECIDE } from '../core/decide.js';
import type { AcquireRequest, Decision } from '../core/decide.js';
import { Lifecycle } from '../core/lifecycle.js';
import { INSPECT, UNCLONEABLE, inspectLimiter, runWithPermit } from '../core/limiter-base.js';
import type { Inspect, LimiterBase } from '../core/limiter-base.js';
import type {
  AcquireOptions,
  IdleOptions,
  KeyedStats,
  Limiter,
  LimiterStats,
  Permit,
  TryAcquireOptions,
} from '../core/limiter.js';
import { STATS, StatsRecorder, statsRecorderOf } from '../core/stats-recorder.js';
import { isSemaphoreError, TooManyKeysError, withoutStacks } from '../errors.js';
import { unlessAborted } from '../internal/abort-listeners.js';
import { asyncDispose } from '../internal/dispose.js';
import { requireFunction, requireInteger, requireLimiter, requireString } from '../internal/validate.js';
import { changeTo, control, KEYED, KeyLimiter, pinningPermit } from './key-limiter.js';
import type { KeyedLimiter } from './key-limiter.js';
import { ClosedLimiters, closeQuietly } from './closed-limiters.js';
import { KeyMap } from './key-map.js';
import { readKeyedOptions } from './keyed-options.js';
import type { KeyedSemaphoreOptions } from './keyed-options.js';
import type { Entry } from './key-map.js';
import { requireRank, topKeys } from './top-keys.js';
import type { KeyRank, KeyUse } from './top-keys.js';

/**
 * A map of limiters, one for each key: a user, a tenant, a client address.
 *
 * A key with a holder or a waiter is never evicted and never has two limiters. Idle keys are evicted in the order in
 * which they fell idle, after `idleTtlMs` or for a new key; their limiter is closed. One timer serves all keys.
 *
 * A limiter that throws from `close` causes a process warning and affects no other key.
 *
 * @throws `TypeError` or `RangeError` from the constructor, with the option and the value.
 *
 * @example
 * ```ts
 * import { KeyedSemaphore, Semaphore } from 'express-semaphore';
 *
 * const perUser = new KeyedSemaphore((user) => new Semaphore(user === 'admin' ? 10 : 2), { name: 'per-user' });
 * {
 *   using permit = await perUser.acquire('alice');
 * }
 * console.log(perUser.top('held', 10)); // the busiest users
 * perUser.resize('alice', 5); // after a change of plan
 * ```
 */
export class KeyedSemaphore implements KeyedLimiter, AsyncDisposable {
  readonly #create: (key: string) => Limiter;
  readonly #keys: KeyMap;
  readonly #stats: StatsRecorder;
  readonly #lifecycle: Lifecycle;
  readonly #closedLimiters = new ClosedLimiters();
  /** The promise that `idle()` returns without a signal while a key is busy. */
  #idle: Promise<void> | undefined;
  #isPaused = false;
  /** Resolves when the limiters that were kept at the last idle moment are idle. */
  #settling: Promise<unknown> | undefined;

  /** @param create - Makes the limiter of a new key. It returns a new one each time: an evicted key's limiter is closed. */
  constructor(create: (key: string) => Limiter, options: KeyedSemaphoreOptions = {}) {
    const { name, maxKeys, idleTtlMs, clock } = readKeyedOptions(options);
    requireFunction('create', create);
    this.#create = create;
    this.#stats = new StatsRecorder(name, clock);
    this.#lifecycle = new Lifecycle(this.#stats);
    this.#keys = new KeyMap(maxKeys, idleTtlMs, clock, {
      evicted: ({ limiter }) => {
        this.#closedLimiters.close(limiter, this.#lifecycle.closeReason);
      },
      fellIdle: () => {
        if (this.#lifecycle.isAwaited) this.#settling = this.#settle();
        this.#idle = undefined;
        this.#lifecycle.noticeIdle();
      },
    });
  }

  /** @internal */
  readonly [KEYED] = true;

  /** @internal Makes `structuredClone` and `postMessage` throw. */
  readonly uncloneable = UNCLONEABLE;

  /** @internal */
  get [STATS](): StatsRecorder {
    return this.#stats;
  }

  /** The name in `stats()`, events and metrics. */
  get name(): string | undefined {
    return this.#stats.name;
  }

  /** Limit of all kept keys together. It looks at each of them. */
  get permits(): number {
    return this.#sum(({ permits }) => permits);
  }

  /** Permits held of all keys together. */
  get held(): number {
    return this.#stats.held;
  }

  /** Free permits of all kept keys together. It looks at each of them. */
  get available(): number {
    return this.#sum(({ available }) => available);
  }

  /** Queued callers of all keys together. */
  get waiting(): number {
    return this.#stats.waiting;
  }

  /** Maximum number of queued callers of all kept keys together. It looks at each of them. */
  get queueLimit(): number {
    return this.#sum(({ queueLimit }) => queueLimit);
  }

  /** Largest `maxWaitMs` of the kept keys. It looks at each of them. */
  get maxWaitMs(): number {
    const waits = this.#limiters.map((limiter: Partial<LimiterBase>) => limiter.maxWaitMs ?? 0);
    return waits.reduce((longest, maxWaitMs) => Math.max(longest, maxWaitMs), 0);
  }

  /** Whether `close()` was called. */
  get closed(): boolean {
    return this.#lifecycle.isClosed;
  }

  /** Whether `pause()` was called and `resume()` was not. */
  get paused(): boolean {
    return this.#isPaused;
  }

  /** @internal */
  [INSPECT](_depth: number, options: InspectOptions, inspect: Inspect): string {
    return inspectLimiter(this, options, inspect);
  }

  /** Number of keys kept, busy and idle. */
  get size(): number {
    return this.#keys.size;
  }

  /**
   * Waits for a permit of the limiter behind `key`. Never throws synchronously.
   *
   * Rejects as that limiter's `acquire` does, or with the error of `create`. Rejects with a `TooManyKeysError` when the
   * key is new and all `maxKeys` keys are busy.
   */
  async acquire(key: string, options?: AcquireOptions): Promise<Permit> {
    requireString('key', key);
    const entry = this.#enter(key);
    try {
      return pinningPermit(await entry.limiter.acquire(options), entry.unpin);
    } catch (error) {
      entry.unpin();
      throw error;
    }
  }

  /**
   * Takes a permit of the limiter behind `key` if it can grant one now. Returns `undefined` otherwise, and counts that
   * as a rejection.
   *
   * @throws `TypeError` or `RangeError` for a bad key or option, `ClosedError` after `close()`, and the error of `create`.
   */
  tryAcquire(key: string, options?: TryAcquireOptions): Permit | undefined {
    requireString('key', key);
    if (this.#isFullFor(key)) {
      this.#stats.rejectWithCode('ERR_SEMAPHORE_KEY_LIMIT');
      return undefined;
    }
    const entry = this.#enter(key);
    let permit: Permit | undefined;
    try {
      permit = entry.limiter.tryAcquire(options);
    } finally {
      if (permit === undefined) entry.unpin();
    }
    return permit && pinningPermit(permit, entry.unpin);
  }

  /** @internal */
  [DECIDE](key: string, request: AcquireRequest, maxWaitMs: number): Decision {
    if (this.#lifecycle.isClosed) return withoutStacks(() => this.#lifecycle.closedError());
    if (this.#isFullFor(key)) return withoutStacks(() => this.#tooManyKeys());
    const entry = this.#enter(key);
    let permit: Permit | undefined;
    try {
      const decision = decide(entry.limiter, request, maxWaitMs);
      if (decision === 'wait' || isSemaphoreError(decision)) return decision;
      permit = decision;
    } finally {
      if (permit === undefined) entry.unpin();
    }
    return pinningPermit(permit, entry.unpin);
  }

  /** Calls `work` with a permit of the limiter behind `key` and releases it when the work has settled. */
  run<Result>(
    key: string,
    work: (permit: Permit) => Result | PromiseLike<Result>,
    options?: AcquireOptions,
  ): Promise<Result> {
    return runWithPermit({ acquire: (request) => this.acquire(key, request) }, work, options);
  }

  /**
   * One key as a limiter, for whatever takes a limiter. It creates the key if it is new, and keeps it no longer than any
   * idle key. Its `close()` closes the key's present limiter.
   *
   * @throws `TypeError` for a bad key, `ClosedError`, `TooManyKeysError`, and the error of `create`.
   */
  for(key: string): Limiter & AsyncDisposable {
    requireString('key', key);
    const { limiter, unpin } = this.#enter(key);
    unpin();
    return new KeyLimiter(key, this, limiter, () => this.#keys.get(key)?.limiter);
  }

  /**
   * Changes the limit of a key, as its limiter's `resize` does. Returns `false` for a key that is not kept: `create`
   * decides its limit.
   *
   * @throws `TypeError` or `RangeError` for a bad key or number, `TypeError` for a limiter without `resize`.
   */
  resize(key: string, permits: number): boolean {
    requireString('key', key);
    requireInteger('permits', permits, 0);
    const limiter = this.#keys.get(key)?.limiter;
    if (limiter !== undefined) control([limiter], 'resize', permits);
    return limiter !== undefined;
  }

  /**
   * Calls `create` for each kept key and gives the key's limiter the `permits`, `queueLimit` and `maxWaitMs` of the
   * result. It reads nothing else of the result, closes it, and grants nothing of it. So each key keeps its one limiter.
   *
   * @throws the first error of `create`, after all other keys; `TypeError` for a limiter without `resize`.
   */
  refresh(): void {
    const failures: unknown[] = [];
    // A copy, because `create` may use this map.
    for (const { key, limiter } of [...this.#keys.values()]) {
      try {
        const wanted = this.#create(key);
        requireLimiter('what create returns', wanted);
        if (wanted === limiter) continue;
        closeQuietly(wanted, undefined);
        if (this.#keys.get(key)?.limiter === limiter) changeTo(wanted, limiter);
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  /**
   * Stops granting for all keys, also for those that come later, until `resume()`. It rejects nobody. Held permits stay
   * valid.
   *
   * @throws `TypeError` for a limiter without `pause`, as a `RedisSemaphore`. Then no key is paused.
   */
  pause(): void {
    control(this.#limiters, 'pause');
    this.#isPaused = true;
  }

  /** Ends a pause of all keys and serves their queues. */
  resume(): void {
    this.#isPaused = false;
    control(this.#limiters, 'resume');
  }

  /** Rejects the waiters of all keys with a `QueueClearedError` whose `cause` is `reason`. Later callers may queue again. */
  clear(reason?: unknown): void {
    control(this.#limiters, 'clear', reason);
  }

  /** Evicts a key if it is idle, and closes its limiter. Returns whether it did. */
  delete(key: string): boolean {
    requireString('key', key);
    return this.#keys.delete(key);
  }

  /** Stats of all keys together, including evicted ones. */
  stats(): KeyedStats;
  /** Stats of the limiter behind `key`; `undefined` for a key that is not kept. */
  stats(key: string): LimiterStats | undefined;
  stats(key?: string): KeyedStats | LimiterStats | undefined {
    if (key === undefined) return this.#stats.keyedStats(this.size, this.#keys.busy, this.#isPaused);
    requireString('key', key);
    return this.#keys.get(key)?.limiter.stats();
  }

  /**
   * The `count` keys with the most of `rank`, of those kept, highest first. It looks at each key once: that takes a few
   * milliseconds for 100,000 keys.
   *
   * @throws `TypeError` or `RangeError` for a bad `rank` or `count`.
   */
  top(rank: KeyRank, count: number): readonly KeyUse[] {
    requireRank(rank);
    requireInteger('count', count, 1);
    return topKeys(this.#keys.values(), rank, count);
  }

  /** Yields each key that is kept when the iteration starts, oldest first, with its limiter's stats at that step. */
  *[Symbol.iterator](): IterableIterator<[key: string, stats: LimiterStats]> {
    // A copy: a caller that adds keys meanwhile would never reach the end.
    for (const { key, limiter } of [...this.#keys.values()]) yield [key, limiter.stats()];
  }

  /** Closes each key's limiter and rejects all later calls. Held permits stay valid. */
  close(reason?: unknown): void {
    if (!this.#lifecycle.close(reason)) return;
    this.#keys.close();
    for (const limiter of this.#limiters) this.#closedLimiters.close(limiter, this.#lifecycle.closeReason);
  }

  /**
   * Resolves when no key has a holder or a waiter and each key's limiter is idle, also that of an evicted key. It does not
   * keep new callers out; `close()` does. After it, a client of Redis that the limiters use may be closed.
   */
  idle(options?: IdleOptions): Promise<void> {
    if (options !== undefined || this.#keys.busy === 0) return this.#idleAll(options);
    return (this.#idle ??= this.#idleAll());
  }

  /** Closes all limiters and waits until they are idle. `await using` calls it. */
  [asyncDispose](): Promise<void> {
    this.close();
    return this.idle();
  }

  async #idleAll(options?: IdleOptions): Promise<void> {
    const isIdle = this.#keys.busy === 0;
    if (isIdle) this.#settling = this.#settle();
    await this.#lifecycle.idle(isIdle, options);
    await unlessAborted(Promise.resolve(this.#settling), options?.signal);
  }

  /** Waits for the limiters of this moment. A later caller of one of them does not extend the wait. */
  #settle(): Promise<unknown> {
    const kept = this.#limiters.map((limiter) => limiter.idle());
    return Promise.allSettled([...kept, this.#closedLimiters.idle()]);
  }

  get #limiters(): readonly Limiter[] {
    return Array.from(this.#keys.values(), ({ limiter }) => limiter);
  }

  #sum(read: (limiter: Partial<LimiterBase>) => number | undefined): number {
    return this.#limiters.reduce((sum, limiter) => sum + (read(limiter) ?? 0), 0);
  }

  /** Whether `key` is new and no idle key can be evicted for it. */
  #isFullFor(key: string): boolean {
    return this.#keys.isFull && !this.#lifecycle.isClosed && this.#keys.get(key) === undefined;
  }

  /** The pinned entry of `key`, created if it is new. */
  #enter(key: string): Entry {
    if (this.#lifecycle.isClosed) throw this.#lifecycle.closedError();
    const entry = this.#keys.get(key);
    if (entry === undefined) return this.#add(key);
    this.#keys.pin(entry);
    return entry;
  }

  #add(key: string): Entry {
    if (this.#isFullFor(key)) throw this.#tooManyKeys();
    const limiter = this.#create(key);
    requireLimiter('what create returns', limiter);
    if (this.#isPaused) control([limiter], 'pause');
    // `create` may have used this map: made this very key, filled the map, or closed it.
    const existing = this.#keys.get(key);
    const isClosed = this.#lifecycle.isClosed;
    if (existing === undefined && !isClosed && !this.#keys.isFull) {
      statsRecorderOf(limiter)?.reportTo(this.#stats, key);
      return this.#keys.add(key, limiter);
    }
    if (limiter !== existing?.limiter) closeQuietly(limiter, this.#lifecycle.closeReason);
    if (isClosed) throw this.#lifecycle.closedError();
    if (existing === undefined) throw this.#tooManyKeys();
    this.#keys.pin(existing);
    return existing;
  }

  #tooManyKeys(): TooManyKeysError {
    return this.#stats.reject(new TooManyKeysError('too many keys are in use'));
  }
}
