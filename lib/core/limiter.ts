import type { SemaphoreErrorCode } from '../errors.js';

/** Bounds how much runs at once. A limiter of your own can replace one of this package wherever one is accepted. */
export interface Limiter {
  /**
   * Waits for a permit. The caller must release it.
   *
   * Never throws synchronously. Rejects with a `SemaphoreError` when the limiter rejects the call, with `signal.reason`
   * after an abort, and with a `TypeError` or `RangeError` for a bad option.
   *
   * @param options - The weight, the maximum wait, a signal and the place in the queue.
   */
  acquire(options?: AcquireOptions): Promise<Permit>;

  /**
   * Takes a permit if this process can grant one now without passing a waiter. Returns `undefined` otherwise, and
   * counts that as a rejection.
   *
   * @param options - The weight and the place in the queue.
   *
   * @throws `TypeError` or `RangeError` for a bad option or a weight above the limit; `ClosedError` after `close()`.
   */
  tryAcquire(options?: TryAcquireOptions): Permit | undefined;

  /**
   * Calls `work` with a permit and releases it when the work has settled: as `'ignore'` if the work failed.
   *
   * Rejects as `acquire` does, or with the work's error. Work whose `signal` has aborted by then does not start.
   *
   * @param work - Gets the permit. Its result is the result of `run`.
   * @param options - The options of `acquire`.
   */
  run<Result>(
    work: (permit: Permit) => Result | PromiseLike<Result>,
    options?: AcquireOptions,
  ): Promise<Result>;

  /**
   * Rejects all waiters and all later calls. Held permits stay valid. `reason` becomes the `cause`.
   *
   * @param reason - Becomes the `cause` of each rejection.
   */
  close(reason?: unknown): void;

  /**
   * Resolves when no permit is held and nobody waits. It does not keep new callers out; `close()` does.
   *
   * @param options - A signal that ends the wait for idleness.
   */
  idle(options?: IdleOptions): Promise<void>;

  /** A frozen snapshot of what happens now and what has happened so far. */
  stats(): LimiterStats;
}

/** Options of one `tryAcquire`. */
export interface TryAcquireOptions {
  /** Permits to take at once, an integer from 1 to the limit. @defaultValue `1` */
  readonly weight?: number | undefined;

  /** Level from -100 to 100, an integer. The order `'priority'` serves the higher first. @defaultValue `0` */
  readonly priority?: number | undefined;

  /** The user or tenant whose turn the order `'fair'` uses. @defaultValue `''` */
  readonly flow?: string | undefined;
}

/** Options of one `acquire`. */
export interface AcquireOptions extends TryAcquireOptions {
  /** Ends the wait when it aborts: the promise rejects with its reason. */
  readonly signal?: AbortSignal | undefined;

  /** Maximum wait in milliseconds, up to 2,147,483,647, or `Infinity`. 0 never queues. @defaultValue the limiter's own */
  readonly maxWaitMs?: number | undefined;

  /**
   * Called once, when the call is about to be queued, with its position: 1 for the next. It is not called for a call
   * that gets its permit at once. If it throws, the call rejects with its error. A `RedisSemaphore` rejects it.
   */
  readonly onQueued?: ((position: number) => void) | undefined;

  /**
   * Maximum time that the permit is held, in milliseconds, if it is shorter than the limiter's own. Then its `signal`
   * aborts with a `HoldTimeoutError`. Work that goes on still counts.
   * @defaultValue the limiter's own
   */
  readonly maxHoldMs?: number | undefined;
}

/** Options of one `idle`. */
export interface IdleOptions {
  /** Ends the wait when it aborts: the promise rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** How the work that held a permit ended. An adaptive limit learns from it. */
export type Outcome = 'success' | 'overload' | 'ignore';

/**
 * The right to run until it is released. Use `using`, or release it in a `finally`.
 *
 * @example
 * ```ts
 * import { Semaphore } from 'express-semaphore';
 *
 * const semaphore = new Semaphore(2);
 * {
 *   using permit = await semaphore.acquire();
 *   await work(permit.signal);
 * } // released here
 *
 * async function work(signal: AbortSignal) {}
 * ```
 */
export interface Permit extends Disposable {
  /** Number of permits of the limiter that this one counts for. `split` makes it smaller. */
  readonly weight: number;

  /** Time that the caller waited in the queue, in milliseconds: 0 when it did not wait. */
  readonly waitedMs: number;

  /** A number that grows from grant to grant. Only a permit of a `RedisSemaphore` has one, also behind a key. */
  readonly fencingToken?: number | undefined;

  /**
   * Aborts when the signal given to `acquire` aborts, or when the client disconnects. Created on first use. A release
   * does not abort it. Read it before the release: a later read may give a signal that never aborts.
   */
  readonly signal: AbortSignal;

  /**
   * Releases the permit, once. Later calls do nothing. The outcome is `'success'` unless given.
   *
   * It needs no `this`, so it can be passed as a listener: `socket.once('close', permit.release)`. An argument that is no
   * string, as an event passes one, counts as `'ignore'`.
   *
   * @throws `RangeError` for an unknown outcome, after the release.
   */
  readonly release: (outcome?: Outcome) => void;

  /**
   * Splits off a permit of `weight`, so that a part can be released early. This permit keeps the rest. Both are released
   * apart, in any order. `stats()` counts them as one permit, which ends with the last of them, with this permit's outcome.
   *
   * @throws `RangeError` unless `weight` is an integer from 1 to less than this permit's. `TypeError` after the release,
   * and for a permit of a `RedisSemaphore`.
   */
  split(weight: number): Permit;

  /**
   * Delays the effect of a release until `work` has settled. After the release has taken effect it does nothing.
   *
   * It only watches, as `work.finally()` does: a rejection stays unhandled. Pass `work.catch(report)` to handle it.
   */
  hold(work: PromiseLike<unknown>): void;
}

/** Stats that every limiter has. Counts of permits are sums of weights. Totals count calls since the limiter was made. */
export interface BaseStats {
  /** The limiter's `name`, if it has one. */
  readonly name: string | undefined;
  /** Permits held. */
  readonly held: number;
  /** Queued callers. */
  readonly waiting: number;
  /** Permits granted so far. */
  readonly acquired: number;
  /** Permits released so far, by outcome. */
  readonly released: Readonly<Record<Outcome, number>>;
  /** Rejections so far, by code. */
  readonly rejected: Readonly<Record<SemaphoreErrorCode, number>>;
  /** Calls so far that their signal ended. */
  readonly aborted: number;
  /** How long waiters waited, whatever ended the wait. */
  readonly wait: DurationStats;
  /** How long permits were held. */
  readonly hold: DurationStats;
  /** How long the oldest permit that is not released has been held, in milliseconds; 0 while there is none. */
  readonly oldestHeldMs: number;
}

/**
 * Frozen stats of one limiter.
 *
 * Durations and `oldestHeldMs` are measured from the first `stats()` on. A limiter behind a key measures none: its
 * `KeyedSemaphore` measures them for all keys together.
 */
export interface LimiterStats extends BaseStats {
  /** The limit. `held` exceeds it only while a smaller limit has yet to take effect. */
  readonly permits: number;
  /** Free permits. */
  readonly available: number;
  /** Permits that waiters get in a second, measured while somebody waits; `undefined` while too little is known. */
  readonly releasesPerSecond: number | undefined;
  /** Whether the limiter is paused. A limiter of another package may leave it out. */
  readonly paused?: boolean;
}

/** Frozen stats of all keys of a `KeyedSemaphore`. They count the limiters of this package only. */
export interface KeyedStats extends BaseStats {
  /** Keys kept, busy and idle. */
  readonly keys: number;
  /** Keys with a holder or a waiter. */
  readonly busyKeys: number;
  /** Whether all keys are paused. */
  readonly paused: boolean;
}

/** Durations that ended in the last 10 to 20 seconds. All are 0 where there was none. */
export interface DurationStats {
  /** Number of durations. */
  readonly count: number;
  /** Median in milliseconds. Percentiles are exact to within 7 %. */
  readonly p50Ms: number;
  /** 90th percentile in milliseconds. */
  readonly p90Ms: number;
  /** 99th percentile in milliseconds. */
  readonly p99Ms: number;
  /** Longest in milliseconds, exact. */
  readonly maxMs: number;
}
