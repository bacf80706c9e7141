import type { InspectOptions } from 'node:util';
import { decide, DECIDE } from '../core/decide.js';
import type { AcquireRequest, Decision } from '../core/decide.js';
import { Lifecycle } from '../core/lifecycle.js';
import { INSPECT, inspectLimiter, runWithPermit } from '../core/limiter-base.js';
import type { Inspect, LimiterBase } from '../core/limiter-base.js';
import type {
  AcquireOptions,
  IdleOptions,
  KeyedStats,
  Limiter,
  LimiterStats,
  Outcome,
  Permit,
  TryAcquireOptions,
} from '../core/limiter.js';
import { HeldPermit } from '../core/permit.js';
import { STATS, StatsRecorder, statsRecorderOf } from '../core/stats-recorder.js';
import { isSemaphoreError, TooManyKeysError, withoutStacks } from '../errors.js';
import { CLOCK_CHECK, systemClock } from '../internal/clock.js';
import type { Clock } from '../internal/clock.js';
import { readOptions, unchecked } from '../internal/options.js';
import {
  integer,
  requireDuration,
  requireFunction,
  requireInteger,
  requireLimiter,
  requireString,
} from '../internal/validate.js';
import { warn } from '../internal/warn.js';
import { warnOfAddress } from './address-key.js';
import { KeyMap } from './key-map.js';
import type { Entry } from './key-map.js';
import { requireRank, topKeys } from './top-keys.js';
import type { KeyRank, KeyUse } from './top-keys.js';

/** Property of a `KeyedSemaphore`, the same in each copy of this package. */
const KEYED: unique symbol = Symbol.for('express-semaphore.keyed');

/** Whether `value` is a `KeyedSemaphore`, of this copy of the package or another. */
export function isKeyed(value: unknown): value is KeyedSemaphore {
  return typeof value === 'object' && value !== null && KEYED in value;
}

/** How many keys a `KeyedSemaphore` keeps, and for how long. */
export interface KeyedSemaphoreOptions {
  /** What it is called in `stats()` and in metrics. */
  readonly name?: string | undefined;

  /** Keys kept at once; a new one takes the place of the one idle for longest. @defaultValue `100_000` */
  readonly maxKeys?: number | undefined;

  /** How long a key is kept after its last permit came back, in milliseconds. @defaultValue `60_000` */
  readonly idleTtlMs?: number | undefined;

  /** Where time comes from, for tests and simulations. @defaultValue the platform's monotonic clock */
  readonly clock?: Clock | undefined;
}

/**
 * A map of limiters, one a key: a user, a tenant, a client's address.
 *
 * A key with a holder or a waiter is never evicted and never has two limiters. Idle keys leave in the order in
 * which they fell idle, after `idleTtlMs` or when room is needed; their limiter is closed. One timer serves all keys.
 * A limiter that throws when it is closed becomes a process warning, so that it cannot keep the others from theirs.
 *
 * @throws `TypeError` or `RangeError` from the constructor, naming the option and the value.
 *
 * @example
 * ```ts
 * import { KeyedSemaphore, Semaphore } from 'express-semaphore';
 * import type { KeyedSemaphoreOptions, KeyRank, KeyUse } from 'express-semaphore';
 *
 * const options: KeyedSemaphoreOptions = { name: 'per-user', maxKeys: 10_000 };
 * const perUser = new KeyedSemaphore((user) => new Semaphore(user === 'admin' ? 10 : 2), options);
 * using permit = await perUser.acquire('alice');
 *
 * const rank: KeyRank = 'held';
 * const [busiest]: readonly KeyUse[] = perUser.top(rank, 10);
 * console.log(busiest?.key, busiest?.held); // alice 1
 * ```
 */
export class KeyedSemaphore {
  readonly #create: (key: string) => Limiter;
  readonly #keys: KeyMap;
  readonly #stats: StatsRecorder;
  readonly #lifecycle: Lifecycle;

  /**
   * `create` makes the limiter of a new key. It has to make another one each time: when a key leaves its limiter is closed,
   * and with it would be that of every key that shares it.
   */
  constructor(create: (key: string) => Limiter, options: KeyedSemaphoreOptions = {}) {
    const {
      name,
      maxKeys = 100_000,
      idleTtlMs = 60_000,
      clock = systemClock,
    } = readOptions('KeyedSemaphore', options, {
      name: unchecked,
      maxKeys: integer(1),
      idleTtlMs: requireDuration,
      clock: CLOCK_CHECK,
    });
    requireFunction('create', create);
    this.#create = create;
    this.#stats = new StatsRecorder(name, clock);
    this.#lifecycle = new Lifecycle(this.#stats);
    this.#keys = new KeyMap(maxKeys, idleTtlMs, clock, {
      evicted: ({ limiter }) => {
        closeQuietly(limiter, this.#lifecycle.closeReason);
      },
      fellIdle: () => {
        this.#lifecycle.noticeIdle();
      },
    });
  }

  /** @internal */
  readonly [KEYED] = true;

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
    let maxWaitMs = 0;
    for (const { limiter } of this.#keys.values()) {
      maxWaitMs = Math.max(maxWaitMs, (limiter as Partial<LimiterBase>).maxWaitMs ?? 0);
    }
    return maxWaitMs;
  }

  /** Whether `close()` was called. */
  get closed(): boolean {
    return this.#lifecycle.isClosed;
  }

  /** @internal */
  [INSPECT](_depth: number, options: InspectOptions, inspect: Inspect): string {
    return inspectLimiter(this, options, inspect);
  }

  /** Keys kept, busy and idle. */
  get size(): number {
    return this.#keys.size;
  }

  /**
   * Waits for a permit of the limiter behind `key`. Never throws synchronously.
   *
   * Rejects as that limiter's `acquire` does, with what `create` threw, or with a `TooManyKeysError` when the key is
   * new and all `maxKeys` keys are busy.
   */
  async acquire(key: string, options?: AcquireOptions): Promise<Permit> {
    requireString('key', key);
    const entry = this.#enter(key);
    try {
      return new KeyedPermit(await entry.limiter.acquire(options), entry.unpin);
    } catch (error) {
      entry.unpin();
      throw error;
    }
  }

  /**
   * Takes a permit of the limiter behind `key` if one can be had now.
   *
   * @throws `TypeError` or `RangeError` for a bad key or weight, and what `create` threw.
   */
  tryAcquire(key: string, options?: TryAcquireOptions): Permit | undefined {
    requireString('key', key);
    if (this.#lifecycle.isClosed || (this.#keys.isFull && this.#keys.get(key) === undefined))
      return undefined;
    const entry = this.#enter(key);
    let permit: Permit | undefined;
    try {
      permit = entry.limiter.tryAcquire(options);
    } finally {
      if (permit === undefined) entry.unpin();
    }
    return permit && new KeyedPermit(permit, entry.unpin);
  }

  /** @internal */
  [DECIDE](key: string, request: AcquireRequest, maxWaitMs: number): Decision {
    if (this.#lifecycle.isClosed) return withoutStacks(() => this.#lifecycle.closedError());
    if (this.#keys.isFull && this.#keys.get(key) === undefined)
      return withoutStacks(() => this.#tooManyKeys());
    const entry = this.#enter(key);
    let permit: Permit | undefined;
    try {
      const decision = decide(entry.limiter, request, maxWaitMs);
      if (decision === 'wait' || isSemaphoreError(decision)) return decision;
      permit = decision;
    } finally {
      if (permit === undefined) entry.unpin();
    }
    return new KeyedPermit(permit, entry.unpin);
  }

  /** As `run` of a semaphore, with a permit of the limiter behind `key`. */
  run<Result>(
    key: string,
    work: (permit: Permit) => Result | PromiseLike<Result>,
    options?: AcquireOptions,
  ): Promise<Result> {
    return runWithPermit({ acquire: (ask) => this.acquire(key, ask) }, work, options);
  }

  /** What all keys did together, those of the past included. */
  stats(): KeyedStats;
  /** What the limiter behind `key` reports; `undefined` for a key that is not kept. */
  stats(key: string): LimiterStats | undefined;
  stats(key?: string): KeyedStats | LimiterStats | undefined {
    if (key === undefined) return this.#stats.keyedStats(this.size, this.#keys.busy);
    requireString('key', key);
    return this.#keys.get(key)?.limiter.stats();
  }

  /**
   * The `count` keys, of those kept, with the most of `rank` that is not nothing, the most first. It looks at each key
   * once: some milliseconds for 100,000 keys.
   *
   * @throws `TypeError` or `RangeError` for a bad `rank` or `count`.
   */
  top(rank: KeyRank, count: number): readonly KeyUse[] {
    requireRank(rank);
    requireInteger('count', count, 1);
    return topKeys(this.#keys.values(), rank, count);
  }

  /** Each key kept at the first step, the one made first first, with what its limiter reports when its turn has come. */
  *[Symbol.iterator](): IterableIterator<[key: string, stats: LimiterStats]> {
    // A copy: whoever uses keys meanwhile adds some, and could go on for ever.
    for (const { key, limiter } of [...this.#keys.values()]) yield [key, limiter.stats()];
  }

  /** Closes every key's limiter and admits nobody more. Held permits stay valid. */
  close(reason?: unknown): void {
    if (!this.#lifecycle.close(reason)) return;
    this.#keys.close();
    for (const { limiter } of this.#keys.values()) closeQuietly(limiter, reason);
  }

  /** Resolves once no key has a holder or a waiter. */
  idle(options?: IdleOptions): Promise<void> {
    return this.#lifecycle.idle(this.#keys.busy === 0, options);
  }

  #sum(read: (limiter: Partial<LimiterBase>) => number | undefined): number {
    let sum = 0;
    for (const { limiter } of this.#keys.values()) sum += read(limiter) ?? 0;
    return sum;
  }

  /** Pins the entry of `key`, made now if need be, until its `unpin` has been called. */
  #enter(key: string): Entry {
    if (this.#lifecycle.isClosed) throw this.#lifecycle.closedError();
    const entry = this.#keys.get(key) ?? this.#add(key);
    this.#keys.pin(entry);
    return entry;
  }

  #tooManyKeys(): TooManyKeysError {
    return this.#stats.reject(new TooManyKeysError('too many keys are in use'));
  }

  /** Makes the entry of a new key, which is idle until somebody enters. */
  #add(key: string): Entry {
    if (this.#keys.isFull) throw this.#tooManyKeys();
    warnOfAddress(key);
    const limiter = this.#create(key);
    requireLimiter('what create returns', limiter);
    // To make it, `create` may have asked for this very key: that has its limiter already.
    const made = this.#keys.get(key);
    if (made !== undefined) return made;
    statsRecorderOf(limiter)?.reportTo(this.#stats, key);
    return this.#keys.add(key, limiter);
  }
}

/** A key's permit: it keeps the entry pinned until it is really back. */
class KeyedPermit extends HeldPermit {
  readonly #permit: Permit;

  constructor(permit: Permit, unpin: () => void) {
    super(permit.weight, (_weight, outcome: Outcome) => {
      try {
        permit.release(outcome);
      } finally {
        unpin();
      }
    });
    this.#permit = permit;
  }

  override get signal(): AbortSignal {
    return this.#permit.signal;
  }
}

function closeQuietly(limiter: Limiter, reason: unknown): void {
  try {
    limiter.close(reason);
  } catch (error) {
    warn('WARN_SEMAPHORE_CLOSE_FAILED', 'a limiter threw when it was closed', error);
  }
}
