import { AsyncLocalStorage } from 'node:async_hooks';
import { KeyedSemaphore, Semaphore } from 'express-semaphore';
import { collectGarbage } from '../helpers/gc';

describe('what the keys of a KeyedSemaphore leave behind', () => {
  it('is bounded by maxKeys, not by how many there were', async () => {
    const maxKeys = 1_000;
    const keyed = new KeyedSemaphore(() => new Semaphore(2), { maxKeys, idleTtlMs: 600_000 });
    const use = (from: number, to: number): void => {
      for (let n = from; n < to; n++) keyed.tryAcquire(`user ${n}`)?.release();
    };
    const heapAfter = async (to: number, from: number): Promise<number> => {
      use(from, to);
      await collectGarbage();
      return process.memoryUsage().heapUsed;
    };
    const few = await heapAfter(10 * maxKeys, 0);
    const many = await heapAfter(100_000, 10 * maxKeys);
    expect(keyed.size).toBe(maxKeys);
    // A key with its limiter takes about a kilobyte: 100,000 that stayed would show as 25 times this.
    expect(many - few).toBeLessThan(maxKeys * 4_096);
    keyed.close();
  });

  it('is one timer, which keeps no process alive', () => {
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    const keyed = new KeyedSemaphore(() => new Semaphore(1));
    for (let n = 0; n < 100; n++) keyed.tryAcquire(`user ${n}`)?.release();
    // Only timers that keep the process alive are listed.
    expect(timers()).toBe(before);
    keyed.close();
  });

  it('is no async context of the caller that released', async () => {
    const storage = new AsyncLocalStorage<object>();
    const keyed = new KeyedSemaphore(() => new Semaphore(1), { idleTtlMs: 600_000 });
    const releaseInContext = (): WeakRef<object> => {
      const store = { user: 'ann' };
      storage.run(store, () => {
        keyed.tryAcquire('ann')?.release();
      });
      return new WeakRef(store);
    };
    const store = releaseInContext();
    await collectGarbage();
    expect(store.deref()).toBeUndefined();
    expect(keyed.size).toBe(1);
    keyed.close();
  });
});

it('a KeyedSemaphore does not keep the async context that constructed it', async () => {
  const storage = new AsyncLocalStorage<object>();
  const construct = (): [KeyedSemaphore, WeakRef<object>] => {
    const store = { user: 'ann' };
    const perUser = storage.run(store, () => new KeyedSemaphore(() => new Semaphore(1)));
    return [perUser, new WeakRef(store)];
  };
  const [perUser, store] = construct();
  await collectGarbage();
  expect(store.deref()).toBeUndefined();
  expect(perUser.held).toBe(0);
});
