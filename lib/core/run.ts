import type { AcquireOptions, Limiter, Permit } from './limiter.js';
import { requireFunction } from './validate.js';

/** Calls `work` with a permit of `limiter`, and releases it when the work has settled, whichever way. */
export async function runWithPermit<Result>(
  limiter: Pick<Limiter, 'acquire'>,
  work: (permit: Permit) => Result | PromiseLike<Result>,
  options?: AcquireOptions,
): Promise<Result> {
  requireFunction('work', work);
  const permit = await limiter.acquire(options);
  try {
    return await work(permit);
  } finally {
    permit.release();
  }
}
