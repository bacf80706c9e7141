import type { SemaphoreErrorCode } from '../errors.js';

/**
 * Bounds how much runs at once. Every gate of this package is one, and every consumer takes any of them.
 *
 * @example
 * ```ts
 * import { Semaphore } from 'express-semaphore';
 * import type { AcquireOptions, Limiter, LimiterStats, Permit, TryAcquireOptions } from 'express-semaphore';
 *
 * // A limiter of your own can stand wherever one of this package can: this one lets nobody wait.
 * class Impatient implements Limiter {
 *   readonly #semaphore = new Semaphore(10);
 *
 *   acquire(options?: AcquireOptions): Promise<Permit> {
 *     return this.#semaphore.acquire({ ...options, maxWaitMs: 0 });
 *   }
 *
 *   tryAcquire(options?: TryAcquireOptions): Permit | undefined {
 *     return this.#semaphore.tryAcquire(options);
 *   }
 *
 *   close(reason?: unknown): void {
 *     this.#semaphore.close(reason);
 *   }
 *
 *   idle(): Promise<void> {
 *     return this.#semaphore.idle();
 *   }
 *
 *   stats(): LimiterStats {
 *     return this.#semaphore.stats();
 *   }
 * }
 *
 * const permit = await new Impatient().acquire();
 * permit.release();
 * ```
 */
export interface Limiter {
  /**
   * Waits for a permit. Whoever gets it must release it.
   *
   * Never throws synchronously. Rejects with a `SemaphoreError` when refused, with `signal.reason` when aborted,
   * with a `TypeError` or `RangeError` for a bad option.
   */
  acquire(options?: AcquireOptions): Promise<Permit>;

  /**
   * Takes a permit if one can be had now, in this process, without passing anybody in line.
   *
   * @throws `TypeError` or `RangeError` for a bad weight.
   */
  tryAcquire(options?: TryAcquireOptions): Permit | undefined;

  /** Admits nobody more and refuses the waiters. Held permits stay valid. `reason` becomes the `cause`. */
  close(reason?: unknown): void;

  /** Resolves once nothing is held and nobody waits; it does not keep newcomers out, `close()` does. */
  idle(): Promise<void>;

  /** A frozen snapshot of what is going on and what has happened so far. */
  stats(): LimiterStats;
}

/** What one `tryAcquire` asks for. */
export interface TryAcquireOptions {
  /** Permits taken at once, an integer from 1 to the limit. @defaultValue `1` */
  readonly weight?: number | undefined;

  /** Level from -100 to 100, an integer; the higher goes first under the order `'priority'`. @defaultValue `0` */
  readonly priority?: number | undefined;

  /** Whose turn this one takes under the order `'fair'`: a user, a tenant. @defaultValue `''` */
  readonly flow?: string | undefined;
}

/** What one `acquire` asks for. */
export interface AcquireOptions extends TryAcquireOptions {
  /** Ends the wait when it aborts: the promise rejects with its reason. */
  readonly signal?: AbortSignal | undefined;

  /** Longest wait in milliseconds, up to 2,147,483,647 or `Infinity`; 0 means: do not queue. @defaultValue the limiter's own */
  readonly maxWaitMs?: number | undefined;
}

/** How the work that held a permit went, for a limit that adapts; `'success'` unless said otherwise. */
export type Outcome = 'success' | 'overload' | 'ignore';

/**
 * The right to run, until it is released. Use it with `using`, or release it in a `finally`.
 *
 * @example
 * ```ts
 * import { Semaphore } from 'express-semaphore';
 * import type { Outcome, Permit } from 'express-semaphore';
 *
 * const semaphore = new Semaphore(2);
 * {
 *   using permit: Permit = await semaphore.acquire(); // released at the end of the block
 *   permit.hold(writeLog()); // but not before this has settled
 * }
 *
 * const permit = await semaphore.acquire();
 * const outcome: Outcome = (await callBackend(permit.signal)) === 503 ? 'overload' : 'success';
 * permit.release(outcome);
 *
 * async function writeLog() {}
 *
 * async function callBackend(signal: AbortSignal): Promise<number> {
 *   return signal.aborted ? 499 : 200;
 * }
 * ```
 */
export interface Permit extends Disposable {
  /** How many of the limiter's permits this one stands for. */
  readonly weight: number;

  /**
   * Aborts when the reason to hold the permit is gone: the signal given to `acquire` aborted, or the client left.
   * Made on first use. A release does not abort it.
   */
  readonly signal: AbortSignal;

  /** Gives the permit back, once: from the second call on it does nothing. */
  release(outcome?: Outcome): void;

  /**
   * Lets a release take effect only when `work`, too, has settled. It only watches: handle `work`'s error yourself.
   * After the permit is back it does nothing.
   */
  hold(work: PromiseLike<unknown>): void;
}

/**
 * What every gate reports. Counts of permits are sums of weights; totals count calls since the gate was made.
 *
 * @example
 * ```ts
 * import { KeyedSemaphore, Semaphore } from 'express-semaphore';
 * import type { DurationStats, BaseStats, KeyedStats, LimiterStats, PastLimit } from 'express-semaphore';
 *
 * const ofOne: LimiterStats = new Semaphore(2, { name: 'api' }).stats();
 * const ofAllKeys: KeyedStats = new KeyedSemaphore(() => new Semaphore(2), { name: 'per-user' }).stats();
 * console.log(describe(ofOne), describe(ofAllKeys), moves(ofOne.limits));
 *
 * function describe({ name, held, waiting, wait }: BaseStats): string {
 *   return `${name}: ${held} out, ${waiting} waiting, ${tail(wait)}`;
 * }
 *
 * function tail({ count, p99Ms, maxMs }: DurationStats): string {
 *   return count === 0 ? 'nobody waited' : `99 % waited ${p99Ms} ms at most, the longest ${maxMs} ms`;
 * }
 *
 * function moves(limits: readonly PastLimit[]): string {
 *   return limits.map(({ permits, agoMs }) => `${permits} since ${agoMs} ms`).join(', ');
 * }
 * ```
 */
export interface BaseStats {
  /** Its `name`, if it was given one. */
  readonly name: string | undefined;
  /** Permits out. */
  readonly held: number;
  /** Waiters in line. */
  readonly waiting: number;
  /** Grants so far. */
  readonly acquired: number;
  /** Permits that came back so far, by what their holder said of it. */
  readonly released: Readonly<Record<Outcome, number>>;
  /** Refusals so far, by code. */
  readonly rejected: Readonly<Record<SemaphoreErrorCode, number>>;
  /** Calls so far that ended by their signal. */
  readonly aborted: number;
  /** Milliseconds that all waiters so far stood in line, whatever came of it; a sample until `stats()` is first asked. */
  readonly waitedMs: number;
  /** How long those who waited stood in line, whatever came of it. */
  readonly wait: DurationStats;
  /** How long permits were held. */
  readonly hold: DurationStats;
}

/**
 * A limiter at one moment, frozen.
 *
 * Durations are measured from the first time that somebody asks for these, and never behind a key: the
 * `KeyedSemaphore` measures them for all its keys together.
 */
export interface LimiterStats extends BaseStats {
  /** The limit; `held` is above it only while a smaller limit has yet to take effect. */
  readonly permits: number;
  /** Permits free. */
  readonly available: number;
  /** Permits that come back in a second, as measured while somebody waited; `undefined` while too little is known. */
  readonly releasesPerSecond: number | undefined;
  /** The limits that there were in the last minutes in which it changed, one a second at most, oldest first. */
  readonly limits: readonly PastLimit[];
}

/** All keys of a `KeyedSemaphore` at one moment, frozen. It counts the limiters of this package, and no others. */
export interface KeyedStats extends BaseStats {
  /** Keys kept, busy and idle. */
  readonly keys: number;
  /** Keys with a holder or a waiter. */
  readonly busyKeys: number;
}

/** How long something took, of what ended in the last 10 to 20 seconds. All are 0 where there was nothing. */
export interface DurationStats {
  /** How many were measured. */
  readonly count: number;
  /** Half of them took at most this long, in milliseconds, to within 7 %; so for the other percentiles. */
  readonly p50Ms: number;
  /** 90 % took at most this long, in milliseconds. */
  readonly p90Ms: number;
  /** 99 % took at most this long, in milliseconds. */
  readonly p99Ms: number;
  /** The longest, in milliseconds, exactly. */
  readonly maxMs: number;
}

/** A limit that held from some moment on. */
export interface PastLimit {
  /** The limit. */
  readonly permits: number;
  /** How long ago it was set, in milliseconds. */
  readonly agoMs: number;
}
