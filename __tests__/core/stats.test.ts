import { Semaphore } from 'express-semaphore';
import type { Order } from 'express-semaphore';
import { FakeClock } from 'express-semaphore/testing';
import { turn, watch } from '../helpers/watch';

it('has its name, and rejects a name that is no string', () => {
  expect(new Semaphore(1, { name: 'api' }).stats().name).toBe('api');
  expect(new Semaphore(1).stats().name).toBeUndefined();
  expect(() => new Semaphore(1, { name: 7 as unknown as string })).toThrow(
    new TypeError('name must be a string, got 7'),
  );
});

it('counts releases by outcome', () => {
  const semaphore = new Semaphore(4);
  for (const outcome of [undefined, 'overload', 'ignore', 'overload'] as const) {
    semaphore.tryAcquire()?.release(outcome);
  }
  expect(semaphore.stats().released).toEqual({ success: 1, overload: 2, ignore: 1 });
  expect(Object.isFrozen(semaphore.stats().released)).toBe(true);
});

it('measures holds and waits from the first stats() on, and reads no clock before', async () => {
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

it('reports how long the oldest permit has been held, of those granted after the first stats()', async () => {
  const clock = new FakeClock();
  const semaphore = new Semaphore(4, { clock });
  semaphore.tryAcquire();
  clock.advance(1_000);
  expect(semaphore.stats().oldestHeldMs).toBe(0);
  const [first, second] = [semaphore.tryAcquire(), await semaphore.acquire()];
  clock.advance(40);
  const third = semaphore.tryAcquire();
  clock.advance(5);
  expect(semaphore.stats().oldestHeldMs).toBe(45);
  second.release();
  expect(semaphore.stats().oldestHeldMs).toBe(45);
  first?.release();
  first?.release();
  expect(semaphore.stats().oldestHeldMs).toBe(5);
  third?.release();
  expect(semaphore.stats().oldestHeldMs).toBe(0);
});

describe('a queue of a limiter whose stats nobody has read', () => {
  it.each<[Order, number[]]>([
    // Each waiter has an enqueue time.
    ['fifo', [16, 31]],
    ['lifo', [16, 31]],
    ['fair', [16, 31]],
    [{ name: 'priority' }, [16, 31]],
    // An order that depends on time reads the clock once more when it looks for late waiters.
    ['adaptive-lifo', [32, 62]],
    [{ name: 'priority', ageMs: 1_000 }, [32, 62]],
  ])('reads the clock in the order %j only where the order needs it', (order, readings) => {
    const clock = new FakeClock();
    const now = jest.spyOn(clock, 'now');
    const semaphore = new Semaphore(1, { clock, order });
    semaphore.tryAcquire();
    const seen = [16, 31].map((waiters) => {
      now.mockClear();
      for (let n = 0; n < waiters; n++) watch(semaphore.acquire());
      return now.mock.calls.length;
    });
    expect(seen).toEqual(readings);
  });

  it('measures a wait that began before the stats were first read', async () => {
    const clock = new FakeClock();
    clock.advance(1_000_000);
    const semaphore = new Semaphore(1, { clock });
    const held = semaphore.tryAcquire();
    const waits = [semaphore.acquire(), semaphore.acquire()];
    semaphore.stats();
    waits.push(semaphore.acquire());
    clock.advance(10);
    held?.release();
    semaphore.resize(3);
    await Promise.all(waits);
    expect(semaphore.stats()).toMatchObject({ wait: { count: 3, maxMs: 10 } });
  });
});

it('measures every wait once the stats have been read', async () => {
  const semaphore = new Semaphore(0);
  semaphore.stats();
  const waits = Array.from({ length: 100 }, () => semaphore.acquire());
  semaphore.resize(100);
  await Promise.all(waits);
  expect(semaphore.stats().wait.count).toBe(100);
});

it('reports how many waiters are served in a second', async () => {
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

it('includes in that the time in which others wait on', async () => {
  const clock = new FakeClock();
  const semaphore = new Semaphore(1, { clock });
  let held = semaphore.tryAcquire();
  const waits = Array.from({ length: 9 }, () => semaphore.acquire());
  for (const [index, ms] of [100, 200, 400, 50, 50, 50, 50, 100].entries()) {
    clock.advance(ms);
    held?.release();
    held = await waits[index];
  }
  expect(semaphore.stats().releasesPerSecond).toBeCloseTo(8 / 1);
});
