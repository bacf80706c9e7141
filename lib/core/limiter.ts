import type { SemaphoreErrorCode } from '../errors.js';

/** Bounds how much runs at once. Every gate of this package is one, and every consumer takes any of them. */
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
}

/** What one `acquire` asks for. */
export interface AcquireOptions extends TryAcquireOptions {
  /** Ends the wait when it aborts: the promise rejects with its reason. */
  readonly signal?: AbortSignal | undefined;

  /** Longest wait in milliseconds, up to 2,147,483,647 or `Infinity`; 0 means: do not queue. */
  readonly maxWaitMs?: number | undefined;
}

/** How the work that held a permit went, for a limit that adapts; `'success'` unless said otherwise. */
export type Outcome = 'success' | 'overload' | 'ignore';

/** The right to run, until it is released. Use it with `using`, or release it in a `finally`. */
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

/** A limiter at one moment. Counts of permits are sums of weights; totals count calls since the limiter was made. */
export interface LimiterStats {
  /** The limit. */
  readonly permits: number;
  /** Permits out; above `permits` only while a smaller limit has yet to take effect. */
  readonly held: number;
  /** Permits free. */
  readonly available: number;
  /** Waiters in line. */
  readonly waiting: number;
  /** Grants so far. */
  readonly acquired: number;
  /** Refusals so far, by code. */
  readonly rejected: Readonly<Record<SemaphoreErrorCode, number>>;
  /** Calls so far that ended by their signal. */
  readonly aborted: number;
  /** Milliseconds that all waiters so far stood in line, whatever came of it; sampled while over 16 stand there. */
  readonly waitedMs: number;
}
