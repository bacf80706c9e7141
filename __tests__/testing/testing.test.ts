import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { KeyedSemaphore, limit, QueueFullError, Semaphore, WaitTimeoutError } from 'express-semaphore';
import { FakeClock, rejectingLimiter, settle, stuckLimiter } from 'express-semaphore/testing';
import { collectWarnings } from '../helpers/warnings';

describe('FakeClock', () => {
  it('fires timers in order of their due times, at their due times', () => {
    const clock = new FakeClock();
    const fired: string[] = [];
    const note = (name: string) => () => fired.push(`${name} at ${clock.now()}`);
    clock.setTimer(note('late'), 20);
    clock.setTimer(note('early'), 10);
    clock.setTimer(() => clock.setTimer(note('nested'), 3), 10);
    clock.advance(15);
    expect(fired).toEqual(['early at 10', 'nested at 13']);
    expect([clock.now(), clock.timers, clock.made]).toEqual([15, 1, 4]);
  });

  it('fires no timer that was cleared', () => {
    const clock = new FakeClock();
    const fire = jest.fn();
    clock.clearTimer(clock.setTimer(fire, 5, true));
    clock.advance(10);
    expect([clock.timers, fire.mock.calls.length]).toEqual([0, 0]);
  });

  it('counts the timers that keep a process alive', () => {
    const clock = new FakeClock();
    clock.setTimer(() => undefined, 5);
    clock.setTimer(() => undefined, 5, true);
    expect([clock.timers, clock.foregroundTimers]).toEqual([2, 1]);
  });

  it('rejects a delay that no platform timer waits', () => {
    for (const delay of [-1, Number.NaN, 2 ** 31, Infinity]) {
      expect(() => new FakeClock().setTimer(() => undefined, delay)).toThrow(RangeError);
    }
  });

  it('does not move forever while each timer sets another', () => {
    const clock = new FakeClock();
    const again = (): void => void clock.setTimer(again, 0);
    again();
    expect(() => {
      clock.advance(1);
    }).toThrow('more than 100000 timers');
  });
});

describe('rejectingLimiter', () => {
  it('rejects every call, also a heavy one, and is idle', async () => {
    const limiter = rejectingLimiter({ name: 'full' });
    await expect(limiter.acquire({ weight: 9 })).rejects.toBeInstanceOf(QueueFullError);
    await expect(limiter.run(() => 1)).rejects.toBeInstanceOf(QueueFullError);
    expect(limiter.tryAcquire()).toBeUndefined();
    await limiter.idle();
    expect(limiter.stats()).toMatchObject({ name: 'full', held: 0, waiting: 0 });
  });

  it('makes limit answer 503, and 429 behind a key', async () => {
    collectWarnings();
    const app = express();
    app.use('/all', limit(rejectingLimiter()));
    app.use('/key', limit(new KeyedSemaphore(() => rejectingLimiter()), { key: () => 'alice' }));
    const server = app.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const statuses = await Promise.all(
      ['all', 'key'].map(async (path) => (await fetch(`http://127.0.0.1:${port}/${path}`)).status),
    );
    server.close();
    expect(statuses).toEqual([503, 429]);
  });
});

describe('stuckLimiter', () => {
  it('grants no permit until it is resized', async () => {
    const limiter = stuckLimiter();
    let isGranted = false;
    void limiter.acquire().then(() => (isGranted = true));
    await settle();
    expect([isGranted, limiter.waiting]).toEqual([false, 1]);
    limiter.resize(1);
    await settle();
    expect(isGranted).toBe(true);
  });

  it('lets its waiters leave by timeout on a FakeClock', async () => {
    const clock = new FakeClock();
    const limiter = stuckLimiter({ maxWaitMs: 50, clock });
    const waiting = limiter.acquire();
    clock.advance(50);
    await expect(waiting).rejects.toBeInstanceOf(WaitTimeoutError);
  });
});

it('settle resolves after a chain of promise callbacks', async () => {
  let steps = 0;
  void (async () => {
    for (let n = 0; n < 100; n++) {
      await Promise.resolve();
      steps++;
    }
  })();
  await settle();
  expect(steps).toBe(100);
});

it('Semaphore and the kit are of one copy', () => {
  expect(stuckLimiter()).toBeInstanceOf(Semaphore);
});
