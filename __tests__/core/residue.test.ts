import { AsyncLocalStorage } from 'node:async_hooks';
import { getEventListeners } from 'node:events';
import { Semaphore } from 'express-semaphore';
import type { Permit } from 'express-semaphore';
import { collectGarbage } from '../helpers/gc';
import { states, turn, watch } from '../helpers/watch';

describe('what a wait leaves behind', () => {
  it('is no timer of the platform', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    const semaphore = new Semaphore(1);
    const held = await semaphore.acquire({ maxWaitMs: 60_000 });
    expect(timers()).toBe(before);
    const leaving = new AbortController();
    const waits = [
      semaphore.acquire({ maxWaitMs: 60_000 }),
      semaphore.acquire({ maxWaitMs: 60_000, signal: leaving.signal }),
      semaphore.acquire({ maxWaitMs: Infinity }),
      semaphore.acquire({ maxWaitMs: 60_000 }),
    ].map(watch);
    expect(timers()).toBe(before + 3);
    held.release();
    leaving.abort();
    expect(timers()).toBe(before + 1);
    semaphore.close();
    expect(timers()).toBe(before);
    await turn();
    expect(states(waits)).toEqual(['fulfilled', 'rejected', 'rejected', 'rejected']);
  });

  it('is no listener, and 1,000 waiters on a signal need one', async () => {
    const { signal } = new AbortController();
    const [one, other] = [new Semaphore(1), new Semaphore(1)];
    const held = [await one.acquire({ signal }), await other.acquire({ signal })];
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    const waits = Array.from({ length: 1_000 }, (_, n) =>
      (n % 2 === 0 ? one : other).acquire({ signal }).then((permit) => {
        permit.release();
      }),
    );
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    held[0]?.release();
    await one.idle();
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    held[1]?.release();
    await Promise.all(waits);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  it('is no listener when waiters come and go one by one, and the last is still told', async () => {
    const leaving = new AbortController();
    const { signal } = leaving;
    const semaphore = new Semaphore(1);
    const held = await semaphore.acquire();
    const first = watch(semaphore.acquire({ signal }));
    const second = watch(semaphore.acquire({ signal }));
    held.release();
    await turn();
    first.value.release();
    await turn();
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    const third = watch(semaphore.acquire({ signal }));
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    leaving.abort('enough');
    await turn();
    expect(third.reason).toBe('enough');
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    second.value.release();
    expect(semaphore.held).toBe(0);
  });

  it('is no async context of the one who waited, even while a permit is out', async () => {
    const storage = new AsyncLocalStorage<object>();
    const semaphore = new Semaphore(1);
    const { signal } = new AbortController();
    const waitInContext = (): WeakRef<object> => {
      const store = { user: 'ann' };
      storage.run(store, () => {
        watch(semaphore.acquire({ signal, maxWaitMs: 600_000 }));
      });
      return new WeakRef(store);
    };
    const held = await semaphore.acquire();
    const store = waitInContext();
    await collectGarbage();
    // The wait's own timer still has it: this shows that the test sees what it looks for.
    expect(store.deref()).toBeDefined();
    held.release();
    await collectGarbage();
    expect(store.deref()).toBeUndefined();
    expect(semaphore.held).toBe(1);
  });
});

describe('a released permit that its caller keeps', () => {
  const acquire = async (semaphore: Semaphore): Promise<[Permit, WeakRef<AbortSignal>]> => {
    const { signal } = new AbortController();
    const permit = await semaphore.acquire({ signal });
    expect(permit.signal).toBe(signal);
    return [permit, new WeakRef(signal)];
  };

  it('does not keep the signal of its acquire alive', async () => {
    const [permit, signal] = await acquire(new Semaphore(1));
    await collectGarbage();
    expect(signal.deref()).toBeDefined();
    permit.release();
    await collectGarbage();
    expect(signal.deref()).toBeUndefined();
    expect(permit.signal.aborted).toBe(false);
  });

  it('has the signal until the held work has settled', async () => {
    const [permit, signal] = await acquire(new Semaphore(1));
    let settle = (): void => undefined;
    permit.hold(
      new Promise<void>((resolve) => {
        settle = resolve;
      }),
    );
    permit.release();
    expect(permit.signal).toBe(signal.deref());
    settle();
    await turn();
    expect(permit.signal).not.toBe(signal.deref());
  });

  it('shows an abort that came before the release', async () => {
    const leaving = new AbortController();
    const permit = await new Semaphore(1).acquire({ signal: leaving.signal });
    leaving.abort('gone');
    permit.release();
    expect(permit.signal.reason).toBe('gone');
  });
});

it('an idle() that was aborted leaves nothing, although a permit is still held', async () => {
  const semaphore = new Semaphore(1);
  const permit = await semaphore.acquire();
  const abortIdle = (): WeakRef<AbortSignal> => {
    const leaving = new AbortController();
    watch(semaphore.idle({ signal: leaving.signal }));
    leaving.abort('gone');
    return new WeakRef(leaving.signal);
  };
  const signal = abortIdle();
  await collectGarbage();
  expect(signal.deref()).toBeUndefined();
  permit.release();
});
