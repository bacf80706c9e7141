import { KeyedSemaphore, limit, Semaphore } from 'express-semaphore';
import express from 'express';
import { FakeClock } from '../helpers/clock';
import { serve } from '../helpers/serve';
import { states, turn, watch } from '../helpers/watch';

describe('a pause', () => {
  it('does not count for the release rate', async () => {
    const clock = new FakeClock();
    const semaphore = new Semaphore(1, { clock });
    const serveTen = async () => {
      for (let n = 0; n < 10; n++) {
        const permit = await semaphore.acquire();
        const next = semaphore.acquire();
        clock.advance(100);
        permit.release();
        (await next).release();
      }
    };
    await serveTen();
    expect(semaphore.stats().releasesPerSecond).toBe(10);
    semaphore.pause();
    const late = watch(semaphore.acquire({ maxWaitMs: 60_000 }));
    expect(semaphore.stats().releasesPerSecond).toBeUndefined();
    clock.advance(60_000);
    semaphore.resume();
    await turn();
    expect(late.reason).toMatchObject({ code: 'ERR_SEMAPHORE_WAIT_TIMEOUT' });
    await serveTen();
    expect(semaphore.stats().releasesPerSecond).toBe(10);
  });

  it('is no wait that the order adaptive-lifo ends', async () => {
    const clock = new FakeClock();
    const semaphore = new Semaphore(1, { clock, order: 'adaptive-lifo' });
    semaphore.pause();
    const waits = [1, 2, 3].map(() => watch(semaphore.acquire()));
    clock.advance(10_000);
    waits.push(watch(semaphore.acquire()));
    semaphore.resume();
    await turn();
    expect(states(waits)).toEqual(['fulfilled', 'pending', 'pending', 'pending']);
  });

  it('outlives a resize, which takes effect at its end', async () => {
    const semaphore = new Semaphore(1);
    semaphore.pause();
    const waits = [1, 2, 3].map(() => watch(semaphore.acquire()));
    semaphore.resize(2);
    await turn();
    expect([states(waits), semaphore.permits]).toEqual([['pending', 'pending', 'pending'], 2]);
    semaphore.resume();
    await turn();
    expect(states(waits)).toEqual(['fulfilled', 'fulfilled', 'pending']);
  });
});

describe('a cleared queue', () => {
  it('answers the queued requests of limit with 503', async () => {
    const semaphore = new Semaphore(1);
    semaphore.tryAcquire();
    const app = express();
    app.use(limit(semaphore, { maxWaitMs: 60_000 }));
    await using server = await serve(app);
    const answer = fetch(server.url);
    while (semaphore.waiting === 0) await turn();
    semaphore.clear();
    const { status, headers } = await answer;
    expect([status, Number(headers.get('retry-after')) >= 1]).toEqual([503, true]);
  });
});

describe('await using', () => {
  it('closes a KeyedSemaphore and waits until it is idle', async () => {
    const keyed = new KeyedSemaphore(() => new Semaphore(1));
    const permit = await keyed.acquire('a');
    const disposed = watch(keyed[Symbol.asyncDispose]());
    await turn();
    expect([keyed.closed, disposed.state]).toEqual([true, 'pending']);
    permit.release();
    await turn();
    expect(disposed.state).toBe('fulfilled');
  });
});

it('passes onQueued through a key', async () => {
  const keyed = new KeyedSemaphore(() => new Semaphore(1));
  await keyed.acquire('a');
  const told: number[] = [];
  void keyed.acquire('a', { onQueued: (position) => told.push(position) });
  void keyed.run('a', () => undefined, { onQueued: (position) => told.push(position) });
  await turn();
  expect(told).toEqual([1, 2]);
});
