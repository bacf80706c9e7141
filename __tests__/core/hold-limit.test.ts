import { HoldTimeoutError, observe, Semaphore } from 'express-semaphore';
import { FakeClock } from 'express-semaphore/testing';
import { defer } from '../helpers/serve';
import { turn } from '../helpers/watch';

describe('maxHoldMs', () => {
  it('aborts the signal of a permit that is held for so long, counts it and publishes it once', async () => {
    const messages: unknown[] = [];
    const stop = observe('holdTimeout', (message) => messages.push(message));
    const clock = new FakeClock();
    const semaphore = new Semaphore(3, { name: 'timed', maxHoldMs: 100, clock });
    const permit = await semaphore.acquire({ weight: 2 });
    const { signal } = permit;
    clock.advance(99);
    expect(signal.aborted).toBe(false);
    clock.advance(1);
    expect(signal.reason).toBeInstanceOf(HoldTimeoutError);
    expect(signal.reason).toMatchObject({ code: 'ERR_SEMAPHORE_HOLD_TIMEOUT', status: 503 });
    expect(semaphore.held).toBe(2);
    clock.advance(1_000);
    expect(semaphore.stats().rejected.ERR_SEMAPHORE_HOLD_TIMEOUT).toBe(1);
    permit.release();
    await semaphore.idle();
    await turn();
    stop();
    expect(messages).toEqual([{ name: 'timed', key: undefined, weight: 2 }]);
  });

  it('tells a permit whose signal is read later', () => {
    const clock = new FakeClock();
    const permit = new Semaphore(1, { maxHoldMs: 1, clock }).tryAcquire();
    clock.advance(1);
    expect(permit?.signal.reason).toBeInstanceOf(HoldTimeoutError);
  });

  it('costs no permit when the clock sets no timer', async () => {
    const clock = new FakeClock();
    const semaphore = new Semaphore(1, { clock });
    jest.spyOn(clock, 'setTimer').mockImplementation(() => {
      throw new Error('no timer');
    });
    await expect(semaphore.acquire({ maxHoldMs: 1 })).rejects.toThrow('no timer');
    expect(semaphore.held).toBe(0);
  });

  it('removes its timer with the release, and its listener', async () => {
    const clock = new FakeClock();
    const semaphore = new Semaphore(1, { maxHoldMs: 100, clock });
    const controller = new AbortController();
    const permit = await semaphore.acquire({ signal: controller.signal });
    const { signal } = permit;
    expect(clock.timers).toBe(1);
    expect(clock.foregroundTimers).toBe(0);
    permit.release();
    expect(clock.timers).toBe(0);
    controller.abort();
    expect(signal.aborted).toBe(false);
  });

  it('passes the abort of the signal given to acquire on', async () => {
    const semaphore = new Semaphore(1, { maxHoldMs: 100, clock: new FakeClock() });
    const controller = new AbortController();
    const { signal } = await semaphore.acquire({ signal: controller.signal });
    controller.abort('stop');
    expect(signal.reason).toBe('stop');
  });

  it('counts the work of run until it settles', async () => {
    const clock = new FakeClock();
    const semaphore = new Semaphore(1, { maxHoldMs: 100, clock });
    const aborted = defer<unknown>();
    const end = defer<string>();
    const result = semaphore.run(({ signal }) => {
      signal.addEventListener('abort', () => {
        aborted.resolve(signal.reason);
      });
      return end.promise;
    });
    await turn();
    clock.advance(100);
    expect(await aborted.promise).toBeInstanceOf(HoldTimeoutError);
    expect(semaphore.held).toBe(1);
    end.resolve('done');
    expect(await result).toBe('done');
    expect(semaphore.held).toBe(0);
  });

  it('makes no timer where it is not given', () => {
    const clock = new FakeClock();
    new Semaphore(1, { clock }).tryAcquire();
    expect(clock.made).toBe(0);
  });

  it('is the shorter of the limiter and the call, for run, too', async () => {
    const clock = new FakeClock();
    const semaphore = new Semaphore(2, { maxHoldMs: 100, clock });
    const long = await semaphore.acquire({ maxHoldMs: 1_000 });
    const reason = semaphore.run(
      ({ signal }) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => {
            resolve(signal.reason);
          });
        }),
      { maxHoldMs: 10 },
    );
    await turn();
    clock.advance(10);
    expect([await reason, long.signal.aborted]).toEqual([expect.any(HoldTimeoutError), false]);
    clock.advance(90);
    expect(long.signal.reason).toBeInstanceOf(HoldTimeoutError);
    long.release();
    expect(clock.timers).toBe(0);
  });

  it('rejects a maxHoldMs that is no duration, and takes no permit', async () => {
    const semaphore = new Semaphore(1);
    await expect(semaphore.acquire({ maxHoldMs: -1 })).rejects.toThrow('maxHoldMs must be 0 to');
    await expect(semaphore.acquire({ maxHoldMs: 'x' as never })).rejects.toThrow(
      'maxHoldMs must be a number',
    );
    expect(semaphore.held).toBe(0);
  });
});
