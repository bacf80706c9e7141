import { DECIDE } from '../core/decide.js';
import type { AcquireRequest, Decision, KeyedDecider } from '../core/decide.js';
import { leaveOf, withMaxWaitMs } from '../core/leave.js';
import { runWithPermit } from '../core/limiter-base.js';
import type {
  AcquireOptions,
  IdleOptions,
  Limiter,
  LimiterStats,
  Permit,
  TryAcquireOptions,
} from '../core/limiter.js';
import { releaseAll, WrappedPermit } from '../core/wrapped-permit.js';
import { isSemaphoreError } from '../errors.js';
import type { SemaphoreError } from '../errors.js';
import { asyncDispose } from '../internal/dispose.js';
import { requireFunction, requireLimiter, requireObject, requireString } from '../internal/validate.js';
import { warnOnce } from '../internal/warn.js';
import { closeQuietly } from './closed-limiters.js';
import { asKeyed, isKeyed, KEYED, KeyLimiter, PARTS } from './key-limiter.js';
import type { AsKeyed, KeyedLimiter, MaybeChain } from './key-limiter.js';

/** A part of a chain. A pair has a function that makes the key of its limiter from the key of the call. */
type ChainPart = Limiter | KeyedLimiter | readonly [KeyedLimiter, (key: string) => string];

/**
 * One limiter out of several, such as one per user, one per tenant and a global one. A call needs a permit of each, for
 * the same weight, priority and flow. It acquires in the order given, so put the narrowest limiter first: then no caller
 * holds a shared permit while it waits for its own. Use the same order everywhere.
 *
 * - A `maxWaitMs` is for all waits together. Without one, each part's own applies.
 * - After a rejection or an abort all permits so far are released, as `'ignore'`.
 * - The permit of a chain is released once, with its outcome, in all parts.
 * - With a keyed part it takes a key. Each keyed part gets that key, or what the function of its pair makes of it.
 * - Events, metrics and `rateLimitHeaders` are those of the parts. `stats()` without a key returns those of the part with
 *   the smallest limit.
 * - `onQueued` is called by each part that queues the call.
 * - `close()` closes all parts, so make no chain for each key. Pause, clear or resize the parts themselves.
 *
 * @param limiters - In the order in which a call acquires them.
 *
 * @throws `TypeError` for a bad part, or one that is given twice.
 *
 * @example
 * ```ts
 * import express from 'express';
 * import { chain, clientKey, KeyedSemaphore, limit, Semaphore } from 'express-semaphore';
 *
 * const perUser = new KeyedSemaphore(() => new Semaphore(2));
 * const api = new Semaphore(100);
 * express().use(limit(chain(perUser, api), { key: clientKey() }));
 * ```
 */
export function chain(...limiters: readonly Limiter[]): Limiter & AsyncDisposable;
/**
 * Chains limiters of which at least one has keys: a call acquires a permit of each, in this order.
 *
 * @param limiters - In the order in which a call acquires them, the keyed ones first.
 */
export function chain(...limiters: readonly ChainPart[]): KeyedLimiter;
export function chain(...limiters: readonly ChainPart[]): (Limiter & AsyncDisposable) | KeyedLimiter {
  const parts = limiters.map(partOf);
  const all = parts.map(({ limiter }) => limiter);
  if (all.length === 0 || new Set(all).size < all.length) {
    throw new TypeError('limiters must be at least one, and each only once');
  }
  const made = new Chain(parts);
  const narrow = all.map(isNarrow);
  if (narrow.includes(false) && narrow.lastIndexOf(true) > narrow.indexOf(false)) {
    warnOnce('WARN_SEMAPHORE_CHAIN_ORDER', 'a chain has a keyed limiter after a shared one');
  }
  return all.some(isKeyed) ? made : made.for('');
}

/** Whether `limiter` limits each key, or is the limiter of one key. */
function isNarrow(limiter: (Limiter | KeyedLimiter) & MaybeChain): boolean {
  return isKeyed(limiter) || (PARTS in limiter && limiter[PARTS]('') === undefined);
}

interface Part {
  readonly limiter: Limiter | KeyedLimiter;
  readonly keyed: AsKeyed;
  readonly keyOf: (key: string) => string;
}

function partOf(given: ChainPart, index: number): Part {
  const name = `limiters[${index}]`;
  const isPair = Array.isArray(given);
  const [limiter, makeKey] = (isPair ? given : [given]) as [
    Limiter | KeyedLimiter,
    ((key: string) => string)?,
  ];
  requireLimiter(name, limiter);
  if (isPair) requireFunction(`${name}[1]`, makeKey);
  return {
    limiter,
    keyed: asKeyed(limiter),
    keyOf(key) {
      const made: unknown = makeKey === undefined ? key : makeKey(key);
      requireString(`what ${name}[1] returns`, made);
      return made;
    },
  };
}

/** A chain with keys. One without keys is `for('')`. */
class Chain implements KeyedLimiter, KeyedDecider, MaybeChain {
  readonly [KEYED] = true;
  readonly #parts: readonly Part[];
  /** The permits of the latest decision that has to wait, for the `acquire` of the same tick. */
  #begun: Begun | undefined;

  constructor(parts: readonly Part[]) {
    this.#parts = parts;
  }

  get closed(): boolean {
    return this.#parts.some(({ limiter }) => (limiter as { readonly closed?: boolean }).closed === true);
  }

  async acquire(key: string, options: AcquireOptions = {}): Promise<Permit> {
    requireString('key', key);
    requireObject('options', options);
    const { weight = 1 } = options;
    // The permit does not follow a signal that is made only on request.
    const signal = leaveOf(options) === undefined ? options.signal : undefined;
    const isBegun = this.#begun?.key === key && this.#begun.permits[0]?.weight === weight;
    const permits = isBegun ? (this.#begun?.permits.splice(0) ?? []) : [];
    let rest = options;
    try {
      for (const { keyed, keyOf } of this.#parts.slice(permits.length)) {
        const permit = await keyed.acquire(keyOf(key), rest);
        permits.push(permit);
        if (rest.maxWaitMs !== undefined)
          rest = withMaxWaitMs(rest, Math.max(0, rest.maxWaitMs - permit.waitedMs));
      }
    } catch (error) {
      releaseAll(permits, 'ignore');
      throw error;
    }
    // A permit that was decided on arrival does not follow the signal.
    return new WrappedPermit(permits, isBegun ? undefined : signal);
  }

  tryAcquire(key: string, options?: TryAcquireOptions): Permit | undefined {
    requireString('key', key);
    const permits: Permit[] = [];
    const end = this.#acquireNow(
      permits,
      ({ keyed, keyOf }) => keyed.tryAcquire(keyOf(key), options) ?? 'wait',
    );
    if (end === undefined) return new WrappedPermit(permits);
    releaseAll(permits, 'ignore');
    return undefined;
  }

  [DECIDE](key: string, request: AcquireRequest, maxWaitMs: number): Decision {
    const permits: Permit[] = [];
    const end = this.#acquireNow(permits, ({ keyed, keyOf }) =>
      keyed[DECIDE](keyOf(key), request, maxWaitMs),
    );
    if (end === undefined) return new WrappedPermit(permits);
    if (end !== 'wait') releaseAll(permits, 'ignore');
    else if (permits.length > 0) {
      this.#begun = { key, permits };
      queueMicrotask(() => {
        releaseAll(permits.splice(0), 'ignore');
      });
    }
    return end;
  }

  /** Adds a permit of each part to `permits`. Returns the first decision that is no permit. */
  #acquireNow(permits: Permit[], decideOne: (part: Part) => Decision): SemaphoreError | 'wait' | undefined {
    try {
      for (const part of this.#parts) {
        const decision = decideOne(part);
        if (decision === 'wait' || isSemaphoreError(decision)) return decision;
        permits.push(decision);
      }
    } catch (error) {
      releaseAll(permits, 'ignore');
      throw error;
    }
    return undefined;
  }

  run<Result>(
    key: string,
    work: (permit: Permit) => Result | PromiseLike<Result>,
    options?: AcquireOptions,
  ): Promise<Result> {
    return runWithPermit({ acquire: (request) => this.acquire(key, request) }, work, options);
  }

  for(key: string): Limiter & AsyncDisposable {
    requireString('key', key);
    const bound = this.#parts.map(({ limiter, keyOf }) =>
      isKeyed(limiter) ? limiter.for(keyOf(key)) : (limiter as Limiter),
    );
    const all = {
      close(reason?: unknown) {
        closeAll(bound, reason);
      },
      idle: (options?: IdleOptions) => idleAll(bound, options),
      stats: () => narrowestStats(bound),
    };
    return new KeyLimiter(key, this, all, () => undefined);
  }

  [PARTS](key: string): (readonly [Limiter | KeyedLimiter, string])[] {
    return this.#parts.map(({ limiter, keyOf }) => [limiter, keyOf(key)]);
  }

  close(reason?: unknown): void {
    closeAll(this.#limiters, reason);
  }

  idle(options?: IdleOptions): Promise<void> {
    return idleAll(this.#limiters, options);
  }

  [asyncDispose](): Promise<void> {
    this.close();
    return this.idle();
  }

  /** Keys have no common stats. The method is there because each limiter has one. */
  stats(): never {
    throw new TypeError('a chain with keys has no stats: read those of its parts');
  }

  get #limiters(): readonly (Limiter | KeyedLimiter)[] {
    return this.#parts.map(({ limiter }) => limiter);
  }
}

interface Begun {
  readonly key: string;
  /** Emptied by the call that uses them. */
  readonly permits: Permit[];
}

function closeAll(limiters: readonly Closable[], reason: unknown): void {
  for (const limiter of limiters) closeQuietly(limiter, reason);
}

async function idleAll(limiters: readonly Closable[], options: IdleOptions | undefined): Promise<void> {
  await Promise.all(limiters.map((limiter) => limiter.idle(options)));
}

type Closable = Pick<Limiter, 'close' | 'idle'>;

/** Stats of the part with the smallest limit; of the first of those. */
function narrowestStats(limiters: readonly Limiter[]): LimiterStats {
  const all = limiters.map((limiter) => limiter.stats());
  return all.reduce((one, other) => (other.permits < one.permits ? other : one));
}
