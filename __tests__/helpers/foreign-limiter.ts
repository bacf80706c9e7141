import type { AcquireOptions, Limiter, Semaphore } from 'express-semaphore';

/** A limiter of another package around `inner`: the methods of `Limiter`, no getters. `change` changes acquire options. */
export function foreignLimiter(
  inner: Semaphore,
  change: (options: AcquireOptions) => AcquireOptions = (options) => options,
): Limiter {
  return {
    acquire: (options = {}) => inner.acquire(change(options)),
    tryAcquire: (options) => inner.tryAcquire(options),
    run: (work, options) => inner.run(work, options),
    close: (reason) => {
      inner.close(reason);
    },
    idle: (options) => inner.idle(options),
    stats: () => inner.stats(),
  };
}
