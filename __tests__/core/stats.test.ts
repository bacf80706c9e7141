import { Semaphore } from 'express-semaphore';
import type { Order } from 'express-semaphore';
import { FakeClock } from '../helpers/clock';
import { turn, watch } from '../helpers/watch';

it('carries its name, and refuses one that is no string', () => {
  expect(new Semaphore(1, { name: 'api' }).stats().name).toBe('api');
  expect(new Semaphore(1).stats().name).toBeUndefined();
  expect(() => new Semaphore(1, { name: 7 as unknown as string })).toThrow(
    new TypeError('name must be a string, got 7'),
  );
});

it('counts what came back by its outcome', () => {
  const semaphore = new Semaphore(4);
  for (const outcome of [undefined, 'overload', 'ignore', 'overload'] as const) {
    semaphore.tryAcquire()?.release(outcome);
  }
  expect(semaphore.stats().released).toEqual({ success: 1, overload: 2, ignore: 1 });
  expect(Object.isFrozen(semaphore.stats().released)).toBe(true);
});

it('measures holds and waits once somebody has asked, and leaves the clock alone before', async () => {
  const clock = new FakeClock();
  const readings = jest.spyOn(clock, 'now');
  const semaphore = new Semaphore(1, { clock });
  semaphore.tryAcquire()?.release();
  expect(readings).not.toHaveBeenCalled();
  semaphore.stats();
  const first = semaphore.tryAcquire();
  const waiting = semaphore.acquire();
  clock.advance(40);
  first?.release();
  const second = await waiting;
  clock.advance(60);
  second.release();
  expect(semaphore.stats()).toMatchObject({
    hold: { count: 2, maxMs: 60 },
    wait: { count: 1, p50Ms: 40, maxMs: 40 },
  });
});

describe('a line before which nobody has asked for stats', () => {
  it.each<[Order, number[]]>([
    ['fifo', [16, 0, 1, 10]],
    ['lifo', [16, 0, 1, 10]],
    ['fair', [16, 0, 1, 10]],
    [{ name: 'priority' }, [16, 0, 1, 10]],
    // An order that goes by time takes it whenever somebody comes.
    ['adaptive-lifo', [32, 62, 2, 640]],
    [{ name: 'priority', ageMs: 1_000 }, [32, 62, 2, 640]],
  ])('takes in the order %j the time of the first 16, and of each 32nd behind them', (order, readings) => {
    const clock = new FakeClock();
    const now = jest.spyOn(clock, 'now');
    const semaphore = new Semaphore(0, { clock, order });
    const seen = [16, 31, 1, 320].map((waiters) => {
      now.mockClear();
      for (let n = 0; n < waiters; n++) watch(semaphore.acquire());
      return now.mock.calls.length;
    });
    expect(seen).toEqual(readings);
  });

  it('measures nobody whose time was not taken, once it is asked for them', async () => {
    const clock = new FakeClock();
    clock.advance(1_000_000);
    const semaphore = new Semaphore(0, { clock });
    const waits = Array.from({ length: 20 }, () => semaphore.acquire());
    semaphore.stats();
    clock.advance(10);
    semaphore.resize(20);
    await Promise.all(waits);
    expect(semaphore.stats()).toMatchObject({ wait: { count: 16, maxMs: 10 }, waitedMs: 160 });
  });
});

it('measures every wait of a long line once somebody has asked', async () => {
  const semaphore = new Semaphore(0);
  semaphore.stats();
  const waits = Array.from({ length: 100 }, () => semaphore.acquire());
  semaphore.resize(100);
  await Promise.all(waits);
  expect(semaphore.stats().wait.count).toBe(100);
});

it('tells the limits there were, one a second at most', () => {
  const clock = new FakeClock();
  clock.advance(10_000);
  const semaphore = new Semaphore(1, { clock });
  expect(semaphore.stats().limits).toEqual([]);
  semaphore.resize(2);
  clock.advance(500);
  semaphore.resize(3);
  clock.advance(1_000);
  semaphore.resize(4);
  clock.advance(10);
  expect(semaphore.stats().limits).toEqual([
    { permits: 3, agoMs: 1_510 },
    { permits: 4, agoMs: 10 },
  ]);
  for (let permits = 5; permits < 1_000; permits++) {
    clock.advance(1_000);
    semaphore.resize(permits);
  }
  expect(semaphore.stats().limits).toHaveLength(120);
  expect(semaphore.stats().limits.slice(-2)).toEqual([
    { permits: 998, agoMs: 1_000 },
    { permits: 999, agoMs: 0 },
  ]);
});

it('tells how many permits come back in a second while somebody waits', async () => {
  const clock = new FakeClock();
  const semaphore = new Semaphore(1, { clock });
  expect(semaphore.stats().releasesPerSecond).toBeUndefined();
  let held = semaphore.tryAcquire();
  for (let i = 0; i < 40; i++) {
    const next = semaphore.acquire();
    semaphore.stats();
    clock.advance(50);
    held?.release();
    held = await next;
  }
  expect(semaphore.stats().releasesPerSecond).toBeCloseTo(20, 0);
  await turn();
});

it('counts for that the time in which others wait on', async () => {
  const clock = new FakeClock();
  const semaphore = new Semaphore(1, { clock });
  let held = semaphore.tryAcquire();
  const line = [1, 2, 3, 4].map(() => semaphore.acquire());
  for (const [index, ms] of [100, 200, 400].entries()) {
    clock.advance(ms);
    held?.release();
    held = await line[index];
  }
  expect(semaphore.stats().releasesPerSecond).toBeCloseTo(3 / 0.7);
});
