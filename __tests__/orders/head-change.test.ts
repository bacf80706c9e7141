import { Semaphore } from 'express-semaphore';
import { FakeClock } from 'express-semaphore/testing';
import { turn, watch } from '../helpers/watch';

describe('a queue in adaptive-lifo that becomes overloaded', () => {
  it('grants a free permit to the newest waiter without waiting for a release', async () => {
    const clock = new FakeClock();
    const semaphore = new Semaphore(2, { clock, order: 'adaptive-lifo' });
    const held = semaphore.tryAcquire();
    const heavy = watch(semaphore.acquire({ weight: 2 }));
    clock.advance(1);
    const light = watch(semaphore.acquire());
    clock.advance(98);
    await turn();
    expect([light.state, semaphore.available]).toEqual(['pending', 1]);
    clock.advance(1);
    await turn();
    expect([heavy.state, light.state, semaphore.available]).toEqual(['rejected', 'fulfilled', 0]);
    expect(clock.timers).toBe(0);
    held?.release();
    light.value.release();
    await semaphore.idle();
  });

  it.each(['close', 'release'] as const)('leaves no timer after %s', async (end) => {
    const clock = new FakeClock();
    const semaphore = new Semaphore(2, { clock, order: 'adaptive-lifo' });
    const held = semaphore.tryAcquire();
    const waiters = [watch(semaphore.acquire({ weight: 2 })), watch(semaphore.acquire())];
    expect(clock.timers).toBe(1);
    if (end === 'close') semaphore.close();
    held?.release();
    expect(clock.timers).toBe(0);
    await turn();
    expect(waiters[0]?.state).toBe(end === 'close' ? 'rejected' : 'fulfilled');
  });
});
