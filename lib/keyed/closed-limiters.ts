import type { Limiter } from '../core/limiter.js';
import { warn } from '../internal/warn.js';

/**
 * The limiters that a `KeyedSemaphore` has closed. A limiter may not be idle yet although its key is: a shared limiter
 * still has to tell its server.
 */
export class ClosedLimiters {
  readonly #limiters = new Set<Limiter>();

  /** Closes `limiter` and keeps it until it is idle. */
  close(limiter: Limiter, reason: unknown): void {
    closeQuietly(limiter, reason);
    this.#limiters.add(limiter);
    const settled = (): void => {
      this.#limiters.delete(limiter);
    };
    Promise.resolve(limiter)
      .then((closed) => closed.idle())
      .then(settled, settled);
  }

  /** Resolves when the limiters closed so far are idle. It never rejects. */
  idle(): Promise<unknown> {
    return Promise.allSettled(Array.from(this.#limiters, (limiter) => limiter.idle()));
  }
}

/** Closes `limiter`. A limiter that throws causes a warning, so that it cannot keep others from closing. */
export function closeQuietly(limiter: Pick<Limiter, 'close'>, reason: unknown): void {
  try {
    limiter.close(reason);
  } catch (error) {
    warn('WARN_SEMAPHORE_CLOSE_FAILED', 'a limiter threw when it was closed', error);
  }
}
