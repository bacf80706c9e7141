import { AsyncLocalStorage } from 'node:async_hooks';
import { states, turn, watch } from '../helpers/watch';
import { acquireEach, itByArrival } from './subject';
import type { MakeSubject, Traits } from './subject';

export function describeGranting(make: MakeSubject, traits: Traits): void {
  const { local } = traits;
  const inOrder = itByArrival(traits);

  it('grants its permits at once and lets the next wait', async () => {
    await using subject = await make(2);
    const calls = await acquireEach(subject, {}, undefined, {});
    expect(states(calls)).toEqual(['fulfilled', 'fulfilled', 'pending']);
    expect(subject.limiter.stats()).toMatchObject({ permits: 2, held: 2, available: 0, waiting: 1 });
  });

  it('grants a released permit to the head of the queue', async () => {
    await using subject = await make(1);
    const [first, second] = await acquireEach(subject, {}, {});
    first?.value.release();
    await subject.settle();
    expect(second?.state).toBe('fulfilled');
    expect(subject.limiter.stats()).toMatchObject({ held: 1, waiting: 0 });
  });

  inOrder('serves in order of arrival', async () => {
    await using subject = await make(1);
    const held = await subject.limiter.acquire();
    const order: number[] = [];
    const served = [1, 2, 3, 4, 5].map(async (n) => {
      const permit = await subject.limiter.acquire();
      order.push(n);
      permit.release();
    });
    held.release();
    await Promise.all(served);
    expect(order).toEqual([1, 2, 3, 4, 5]);
  });

  inOrder('serves two waiters for two releases, and no third', async () => {
    await using subject = await make(2);
    const [first, second, ...waits] = await acquireEach(subject, {}, {}, {}, {}, {});
    first?.value.release();
    second?.value.release();
    await subject.settle();
    expect(states(waits)).toEqual(['fulfilled', 'fulfilled', 'pending']);
  });

  it('queues a caller that releases and acquires again behind the waiters', async () => {
    await using subject = await make(1);
    const [first, second] = await acquireEach(subject, {}, {});
    first?.value.release();
    const again = watch(subject.limiter.acquire());
    await subject.settle();
    expect(states([second, again].flatMap((call) => call ?? []))).toEqual(['fulfilled', 'pending']);
  });

  it('admits no newcomer between a release and its grant to a waiter', async () => {
    await using subject = await make(1);
    const [first, second] = await acquireEach(subject, {}, {});
    first?.value.release();
    expect(subject.limiter.tryAcquire()).toBeUndefined();
    await subject.settle();
    expect(second?.state).toBe('fulfilled');
    expect(subject.limiter.tryAcquire()).toBeUndefined();
  });

  it('has at most its permits out, and all of them while work is left', async () => {
    await using subject = await make(3);
    let running = 0;
    const seen: number[] = [];
    const jobs = Array.from({ length: 60 }, async () => {
      using permit = await subject.limiter.acquire();
      seen.push((running += permit.weight));
      await turn();
      running -= permit.weight;
    });
    await Promise.all(jobs);
    expect(Math.max(...seen)).toBe(3);
    await subject.limiter.idle();
    expect(subject.limiter.stats()).toMatchObject({ held: 0, available: 3, waiting: 0, acquired: 60 });
  });

  it('resumes each waiter in its own async context, not in that of the release', async () => {
    await using subject = await make(1);
    const user = new AsyncLocalStorage<string>();
    const held = await subject.limiter.acquire();
    const seen = ['ann', 'bob', 'cid'].map((name) =>
      user.run(name, async () => {
        const permit = await subject.limiter.acquire({ maxWaitMs: 60_000 });
        const store = user.getStore();
        permit.release();
        return store;
      }),
    );
    await subject.settle();
    user.run('releaser', () => {
      held.release();
    });
    expect(await Promise.all(seen)).toEqual(['ann', 'bob', 'cid']);
  });

  if (!local) {
    it('leaves what it cannot decide here to acquire', async () => {
      await using subject = await make(1);
      const permit = subject.limiter.tryAcquire();
      await subject.settle();
      expect(subject.limiter.stats().held).toBe(permit === undefined ? 0 : 1);
    });
    return;
  }

  it('takes a free permit without waiting, and none that is not free', async () => {
    await using subject = await make(1);
    const permit = subject.limiter.tryAcquire();
    expect(permit?.weight).toBe(1);
    expect(subject.limiter.stats()).toMatchObject({ held: 1, available: 0, acquired: 1 });
    expect(subject.limiter.tryAcquire()).toBeUndefined();
    permit?.release();
    expect(subject.limiter.tryAcquire()).toBeDefined();
  });

  it('grants before release returns', async () => {
    await using subject = await make(1);
    const [first] = await acquireEach(subject, {}, {});
    first?.value.release();
    expect(subject.limiter.stats()).toMatchObject({ held: 1, available: 0, waiting: 0, acquired: 2 });
  });
}
