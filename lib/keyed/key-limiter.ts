import { decide, DECIDE } from '../core/decide.js';
import type { AcquireRequest, Decision, KeyedDecider } from '../core/decide.js';
import { LimiterBase } from '../core/limiter-base.js';
import type {
  AcquireOptions,
  IdleOptions,
  Limiter,
  LimiterStats,
  Permit,
  TryAcquireOptions,
} from '../core/limiter.js';
import type { Semaphore } from '../core/semaphore.js';
import { STATS } from '../core/stats-recorder.js';
import type { StatsRecorder } from '../core/stats-recorder.js';
import { withRelease } from '../core/wrapped-permit.js';
import { requireMethods } from '../internal/validate.js';

/** A limiter that takes a key: a `KeyedSemaphore`, or a chain that has one. */
export interface KeyedLimiter extends AsyncDisposable {
  readonly closed: boolean;
  acquire(key: string, options?: AcquireOptions): Promise<Permit>;
  tryAcquire(key: string, options?: TryAcquireOptions): Permit | undefined;
  run<Result>(
    key: string,
    work: (permit: Permit) => Result | PromiseLike<Result>,
    options?: AcquireOptions,
  ): Promise<Result>;
  for(key: string): Limiter & AsyncDisposable;
  close(reason?: unknown): void;
  idle(options?: IdleOptions): Promise<void>;
}

/** Property of a `KeyedLimiter`, the same in each copy of this package. */
export const KEYED: unique symbol = Symbol.for('express-semaphore.keyed');

/** Whether `value` takes a key, also if another copy of the package made it. */
export function isKeyed(value: unknown): value is KeyedLimiter & KeyedDecider {
  return typeof value === 'object' && value !== null && KEYED in value;
}

/** Property of a chain, the same in each copy of this package. */
export const PARTS: unique symbol = Symbol.for('express-semaphore.parts');

/** A limiter that may be a chain. */
export interface MaybeChain {
  /** The parts of a chain, each with its key for a call with `key`. */
  [PARTS]?(key: string): readonly (readonly [limiter: Limiter | KeyedLimiter, key: string])[] | undefined;
}

/** Any limiter in the shape of one with keys. */
export type AsKeyed = KeyedDecider & Pick<KeyedLimiter, 'acquire' | 'tryAcquire'>;

/** `limiter` in the shape of one with keys. One without keys ignores the key. */
export function asKeyed(limiter: Limiter | KeyedLimiter): AsKeyed {
  if (isKeyed(limiter)) return limiter;
  const plain = limiter as Limiter;
  return {
    [DECIDE]: (_key, request, maxWaitMs) => decide(plain, request, maxWaitMs),
    acquire: (_key, options) => plain.acquire(options),
    tryAcquire: (_key, options) => plain.tryAcquire(options),
  };
}

/** The members of a key's limiter that a `KeyLimiter` uses. A limiter of another package has no getters. */
type AnyLimiter = Pick<Limiter, 'close' | 'idle' | 'stats'> &
  Partial<Pick<LimiterBase, 'name' | 'permits' | 'queueLimit' | 'maxWaitMs' | 'closed'>>;

/** The members of the limiter with keys that a `KeyLimiter` uses. */
type Owner = KeyedDecider & MaybeChain & Pick<KeyedLimiter, 'closed' | 'acquire' | 'tryAcquire'>;

/**
 * One key of a `KeyedLimiter` as a limiter. It keeps no key alive: an evicted key gets a new limiter when it is used
 * again. Until then its numbers are those of the evicted one.
 */
export class KeyLimiter extends LimiterBase {
  readonly #key: string;
  readonly #owner: Owner;
  readonly #find: () => AnyLimiter | undefined;
  #latest: AnyLimiter;

  /** `find` returns the limiter of the key while the key is kept. */
  constructor(key: string, owner: Owner, latest: AnyLimiter, find: () => AnyLimiter | undefined) {
    super();
    this.#key = key;
    this.#owner = owner;
    this.#latest = latest;
    this.#find = find;
  }

  /** @internal `undefined` for a chain, and for a limiter of another package. */
  override get [STATS](): StatsRecorder {
    return (this.#limiter as LimiterBase)[STATS];
  }

  override get name(): string | undefined {
    return this.#limiter.name;
  }

  override get permits(): number {
    return this.#limiter.permits ?? this.stats().permits;
  }

  override get held(): number {
    return this.stats().held;
  }

  override get available(): number {
    return this.stats().available;
  }

  override get paused(): boolean {
    return this.stats().paused === true;
  }

  override get waiting(): number {
    return this.stats().waiting;
  }

  override get queueLimit(): number {
    return this.#limiter.queueLimit ?? Infinity;
  }

  override get maxWaitMs(): number {
    return this.#limiter.maxWaitMs ?? Infinity;
  }

  override get closed(): boolean {
    return this.#owner.closed || this.#find()?.closed === true;
  }

  override acquire(options?: AcquireOptions): Promise<Permit> {
    return this.#owner.acquire(this.#key, options);
  }

  override tryAcquire(options?: TryAcquireOptions): Permit | undefined {
    return this.#owner.tryAcquire(this.#key, options);
  }

  /** @internal */
  [DECIDE](request: AcquireRequest, maxWaitMs: number): Decision {
    return this.#owner[DECIDE](this.#key, request, maxWaitMs);
  }

  /** Closes the key's present limiter. A key that is evicted or deleted gets a new one when it is used again. */
  override close(reason?: unknown): void {
    this.#limiter.close(reason);
  }

  override idle(options?: IdleOptions): Promise<void> {
    return this.#limiter.idle(options);
  }

  override stats(): LimiterStats {
    return this.#limiter.stats();
  }

  /** @internal */
  [PARTS](): ReturnType<MaybeChain[typeof PARTS] & {}> {
    return this.#owner[PARTS]?.(this.#key);
  }

  get #limiter(): AnyLimiter {
    this.#latest = this.#find() ?? this.#latest;
    return this.#latest;
  }
}

/** Gives `limiter` the `permits`, `queueLimit` and `maxWaitMs` of `wanted`. */
export function changeTo(wanted: Limiter & Partial<LimiterBase>, limiter: Limiter): void {
  const { queueLimit, maxWaitMs } = wanted;
  control([limiter], 'resize', wanted.stats().permits);
  if ('update' in limiter) control([limiter], 'update', { queueLimit, maxWaitMs });
}

/** Calls a method that not every limiter has. @throws `TypeError` for a limiter without it, before any is called. */
export function control<Name extends keyof Controls>(
  limiters: readonly Limiter[],
  method: Name,
  ...args: Parameters<Controls[Name]>
): void {
  for (const limiter of limiters) requireMethods('what create returns', limiter, method);
  for (const limiter of limiters) Reflect.apply((limiter as Limiter & Controls)[method], limiter, args);
}

type Controls = Pick<Semaphore, 'resize' | 'pause' | 'resume' | 'clear' | 'update'>;

/** A key's permit: `permit`, or one in its place. It pins the key until its release has taken effect. */
export function pinningPermit(permit: Permit, unpin: () => void): Permit {
  return withRelease(permit, (onRelease) => (weight, outcome) => {
    try {
      onRelease(weight, outcome);
    } finally {
      if (outcome !== undefined) unpin();
    }
  });
}
