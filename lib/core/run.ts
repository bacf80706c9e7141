import type { AcquireOptions, Limiter, Outcome, Permit } from './limiter.js';
import { requireFunction } from '../internal/validate.js';

/**
 * Calls `work` with a permit of `limiter`, and releases it when the work has settled, whichever way. How long work took that
 * failed says nothing of the load, so it counts as `'ignore'`, unless the work itself has released with another outcome.
 */
export async function runWithPermit<Result>(
  limiter: Pick<Limiter, 'acquire'>,
  work: (permit: Permit) => Result | PromiseLike<Result>,
  options?: AcquireOptions,
): Promise<Result> {
  requireFunction('work', work);
  const permit = await limiter.acquire(options);
  let outcome: Outcome = 'ignore';
  try {
    const result = await work(permit);
    outcome = 'success';
    return result;
  } finally {
    permit.release(outcome);
  }
}
