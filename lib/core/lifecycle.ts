import {
  ClosedError,
  QueueClearedError,
  QueueFullError,
  WaitTimeoutError,
  WaitTooLongError,
} from '../errors.js';
import type { SemaphoreErrorOptions } from '../errors.js';
import { unlessAborted } from '../internal/abort-listeners.js';
import { readOptions } from '../internal/options.js';
import { requireSignal } from '../internal/validate.js';
import type { IdleOptions } from './limiter.js';
import type { StatsRecorder } from './stats-recorder.js';
import type { Waiter } from './waiter.js';

/**
 * The part that every limiter of this package has: its close state, its `idle()` and its rejections.
 *
 * A rejection is counted where it is made. It costs nothing until then.
 */
export class Lifecycle {
  readonly stats: StatsRecorder;
  #closed: ErrorOptions | undefined;
  /** The promise that `idle()` returns without a signal. */
  #idle: Promise<void> | undefined;
  readonly #idleListeners = new Set<() => void>();

  constructor(stats: StatsRecorder) {
    this.stats = stats;
  }

  get isClosed(): boolean {
    return this.#closed !== undefined;
  }

  /** The reason that `close` got. */
  get closeReason(): unknown {
    return this.#closed?.cause;
  }

  /** Marks the limiter as closed. Returns `false` if it was closed before. */
  close(reason: unknown): boolean {
    if (this.#closed !== undefined) return false;
    this.#closed = reason === undefined ? {} : { cause: reason };
    return true;
  }

  /** Resolves at once if `isIdle`, else at the next `noticeIdle`. Callers without a signal share one promise. */
  idle(isIdle: boolean, options?: IdleOptions): Promise<void> {
    if (options !== undefined) return this.#idleUnlessAborted(isIdle, options);
    if (isIdle) return Promise.resolve();
    if (this.#idle === undefined) {
      const promise = new Promise<void>((resolve) => this.#idleListeners.add(resolve));
      this.#idle = promise;
    }
    return this.#idle;
  }

  async #idleUnlessAborted(isIdle: boolean, options: IdleOptions): Promise<void> {
    const { signal } = readOptions('idle', options, { signal: requireSignal });
    let listener = (): void => undefined;
    const idle = new Promise<void>((resolve) => {
      if (isIdle) resolve();
      else this.#idleListeners.add((listener = resolve));
    });
    try {
      await unlessAborted(idle, signal);
    } finally {
      this.#idleListeners.delete(listener);
    }
  }

  /** Whether a promise of `idle` is pending. */
  get isAwaited(): boolean {
    return this.#idleListeners.size > 0;
  }

  /** Resolves what `idle` returned. The caller has seen that nothing is held and nobody waits. */
  noticeIdle(): void {
    if (this.#idleListeners.size > 0) this.#callIdleListeners();
  }

  #callIdleListeners(): void {
    const listeners = [...this.#idleListeners];
    this.#idleListeners.clear();
    this.#idle = undefined;
    for (const listener of listeners) listener();
  }

  closedError(waiter?: Waiter): ClosedError {
    const error = new ClosedError('the limiter is closed', this.#closed);
    return this.stats.reject(error, waiter);
  }

  queueCleared(reason: unknown, waiter: Waiter): QueueClearedError {
    // Its scope is never 'key': a user whose queue is cleared has not sent too much.
    const options = reason === undefined ? {} : { cause: reason };
    return this.stats.reject(new QueueClearedError('the queue was cleared', options), waiter);
  }

  queueFull(retryAfterMs: number | undefined, waiter?: Waiter): QueueFullError {
    return this.stats.reject(new QueueFullError('the queue is full', this.#about(retryAfterMs)), waiter);
  }

  waitTimeout(retryAfterMs: number | undefined, waiter?: Waiter): WaitTimeoutError {
    const error = new WaitTimeoutError('no permit came free in time', this.#about(retryAfterMs));
    return this.stats.reject(error, waiter);
  }

  /** A newcomer's expected wait is too long, or that of `waiter` has been. */
  waitTooLong(retryAfterMs: number | undefined, waiter?: Waiter): WaitTooLongError {
    const message = waiter === undefined ? 'the expected wait is too long' : 'the wait was too long';
    return this.stats.reject(new WaitTooLongError(message, this.#about(retryAfterMs)), waiter);
  }

  #about(retryAfterMs: number | undefined): SemaphoreErrorOptions {
    return { retryAfterMs, scope: this.stats.scope };
  }
}
