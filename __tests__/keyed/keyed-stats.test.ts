import { KeyedSemaphore, Semaphore } from 'express-semaphore';
import type { Limiter } from 'express-semaphore';
import { FakeClock } from 'express-semaphore/testing';
import { watch } from '../helpers/watch';

it('adds up what all keys do, and keeps the counts of evicted keys', async () => {
  const clock = new FakeClock();
  const keyed = new KeyedSemaphore(() => new Semaphore(2, { queueLimit: 1, clock }), {
    name: 'users',
    maxKeys: 2,
    clock,
  });
  keyed.tryAcquire('gone', { weight: 2 })?.release('overload');
  const [a] = [keyed.tryAcquire('a', { weight: 2 }), keyed.tryAcquire('b')];
  const waiter = keyed.acquire('a');
  watch(keyed.acquire('a', { signal: AbortSignal.abort() }));
  watch(keyed.acquire('a'));
  watch(keyed.acquire('new'));
  expect(keyed.stats()).toMatchObject({
    name: 'users',
    keys: 2,
    busyKeys: 2,
    held: 3,
    waiting: 1,
    acquired: 3,
    released: { success: 0, overload: 1, ignore: 0 },
    rejected: { ERR_SEMAPHORE_QUEUE_FULL: 1, ERR_SEMAPHORE_KEY_LIMIT: 1, ERR_SEMAPHORE_CLOSED: 0 },
    aborted: 1,
  });
  expect(keyed.stats('gone')).toBeUndefined();
  clock.advance(30);
  a?.release();
  await waiter;
  keyed.close();
  watch(keyed.acquire('a'));
  expect(keyed.stats()).toMatchObject({
    held: 2,
    waiting: 0,
    wait: { count: 1, maxMs: 30 },
    hold: { count: 0 },
    rejected: { ERR_SEMAPHORE_CLOSED: 1 },
  });
  expect(Object.isFrozen(keyed.stats())).toBe(true);
});

it('measures durations for all keys together, and for none alone', async () => {
  const clock = new FakeClock();
  const keyed = new KeyedSemaphore(() => new Semaphore(1, { clock }), { clock });
  keyed.stats();
  const permit = keyed.tryAcquire('a');
  expect(keyed.stats('a')?.held).toBe(1);
  clock.advance(20);
  expect([keyed.stats().oldestHeldMs, keyed.stats('a')?.oldestHeldMs]).toEqual([20, 0]);
  permit?.release();
  (await keyed.acquire('b')).release();
  expect(keyed.stats().hold).toMatchObject({ count: 2, maxMs: 20 });
  expect(keyed.stats('a')?.hold.count).toBe(0);
});

it('returns the busiest keys in descending order, without idle keys', () => {
  const keyed = new KeyedSemaphore(() => new Semaphore(9, { queueLimit: 0 }));
  for (const [key, weight] of [
    ['one', 1],
    ['five', 5],
    ['nine', 9],
    ['idle', 1],
    ['three', 3],
    ['other three', 3],
    ['two', 2],
    ['other one', 1],
  ] as const) {
    const permit = keyed.tryAcquire(key, { weight });
    if (key === 'idle') permit?.release();
  }
  for (let i = 0; i < 3; i++) watch(keyed.acquire('nine'));
  expect(keyed.top('held', 3)).toEqual([
    { key: 'nine', held: 9, waiting: 0, rejected: 3 },
    { key: 'five', held: 5, waiting: 0, rejected: 0 },
    { key: 'three', held: 3, waiting: 0, rejected: 0 },
  ]);
  expect(keyed.top('held', 9).map(({ key }) => key)).toEqual([
    'nine',
    'five',
    'three',
    'other three',
    'two',
    'one',
    'other one',
  ]);
  expect(keyed.top('rejected', 9)).toEqual([{ key: 'nine', held: 9, waiting: 0, rejected: 3 }]);
  expect(keyed.top('waiting', 9)).toEqual([]);
});

it('ranks by waiters', () => {
  const keyed = new KeyedSemaphore(() => new Semaphore(0));
  for (const key of ['a', 'b', 'b']) watch(keyed.acquire(key));
  expect(keyed.top('waiting', 1)).toEqual([{ key: 'b', held: 0, waiting: 2, rejected: 0 }]);
  keyed.close();
});

it('rejects an unknown rank and a bad count', () => {
  const keyed = new KeyedSemaphore(() => new Semaphore(1));
  expect(() => keyed.top('size' as 'held', 1)).toThrow(
    new RangeError('rank must be held, waiting or rejected, got "size"'),
  );
  expect(() => keyed.top('held', 0)).toThrow(new RangeError('count must be an integer of at least 1, got 0'));
});

it('counts no limiter of another package, and lets it work', () => {
  const inner = new Semaphore(1);
  const foreign: Limiter = {
    tryAcquire: (options) => inner.tryAcquire(options),
    acquire: (options) => inner.acquire(options),
    run: (work, options) => inner.run(work, options),
    close: (reason) => {
      inner.close(reason);
    },
    idle: () => inner.idle(),
    stats: () => inner.stats(),
  };
  const keyed = new KeyedSemaphore(() => foreign);
  expect(keyed.tryAcquire('a')).toBeDefined();
  expect(keyed.stats('a')?.held).toBe(1);
  expect(keyed.stats()).toMatchObject({ held: 0, acquired: 0, busyKeys: 1 });
  expect(keyed.top('held', 1)).toEqual([]);
});
