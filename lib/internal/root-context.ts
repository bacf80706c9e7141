import { AsyncResource } from 'node:async_hooks';

/** Says that it keeps no process alive, so that test runners do not list it as an open handle. */
class RootContext extends AsyncResource {
  hasRef(): boolean {
    return false;
  }
}

/** Made when this module loads, so it keeps no request's AsyncLocalStorage store. */
const root = new RootContext('express-semaphore', { requireManualDestroy: true });

/**
 * Calls `work` outside the caller's async context. What outlives a request, such as a shared timer or connection, is
 * made in here. Otherwise it would keep the AsyncLocalStorage store of the request that happened to make it.
 */
export function runInRootContext<Result>(work: () => Result): Result {
  return root.runInAsyncScope(work);
}
