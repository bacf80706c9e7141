import { addAbortListener, removeAbortListener } from '../internal/abort-listeners.js';
import { requireFunction, wrongType } from '../internal/validate.js';
import { checkOptionNames, checkWaitOptions } from './acquire-options.js';
import { runWithPermit } from './limiter-base.js';
import type { AcquireOptions, Limiter, Permit } from './limiter.js';

/** Calls `work` with each item, each with a permit of its own. See `Semaphore.map`. */
export async function mapWithPermits<Item, Result>(
  limiter: Pick<Limiter, 'acquire'>,
  items: Iterable<Item> | AsyncIterable<Item>,
  work: (item: Item, permit: Permit) => Result | PromiseLike<Result>,
  options: AcquireOptions = {},
): Promise<Result[]> {
  if (!isIterable(items)) throw wrongType('items', 'iterable', items);
  requireFunction('work', work);
  checkOptionNames('map', options);
  const { signal } = options;
  checkWaitOptions(undefined, signal);
  signal?.throwIfAborted();

  const results: Result[] = [];
  const running = new Set<Promise<void>>();
  /** Aborts the wait for the next permit, and the signals of the permits. */
  const stop = new AbortController();
  const fail = (error: unknown) => {
    if (!stop.signal.aborted) stop.abort(error);
  };
  const listener = {
    aborted() {
      fail(signal?.reason);
    },
  };
  if (signal !== undefined) addAbortListener(signal, listener);
  let isPulling = true;
  /** Resolves when it stops while the source is silent. Nothing can end that silence. */
  const silenced = new Promise<void>((resolve) => {
    stop.signal.addEventListener('abort', () => {
      if (isPulling) resolve();
    });
  });
  await Promise.race([acquireEach().catch(fail), silenced]);
  await Promise.all(running);
  if (signal !== undefined) removeAbortListener(signal, listener);
  stop.signal.throwIfAborted();
  return results;

  async function acquireEach(): Promise<void> {
    let count = 0;
    for await (const item of items) {
      isPulling = false;
      if (stop.signal.aborted) break;
      const index = count++;
      const permit = await limiter.acquire({ ...options, signal: stop.signal });
      const granted = { acquire: () => Promise.resolve(permit) };
      const one = runWithPermit(granted, () => work(item, permit), { signal: stop.signal }).then((result) => {
        results[index] = result;
      }, fail);
      running.add(one);
      void one.then(() => running.delete(one));
      isPulling = true;
    }
  }
}

function isIterable(items: unknown): boolean {
  if (typeof items === 'string') return true;
  if (typeof items !== 'object' || items === null) return false;
  const methods = [Reflect.get(items, Symbol.asyncIterator), Reflect.get(items, Symbol.iterator)];
  return methods.some((method) => typeof method === 'function');
}
