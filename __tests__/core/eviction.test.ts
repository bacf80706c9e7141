import { QueueFullError, Semaphore } from 'express-semaphore';
import { FakeClock } from 'express-semaphore/testing';
import { states, turn, watch } from '../helpers/watch';

describe('a full queue in the order priority, with ageing', () => {
  it.each([
    ['evicts a waiter of a lower level', 15, ['rejected', 'pending']],
    ['is rejected when each waiter has risen to its level', 16, ['pending', 'rejected']],
  ])('a newcomer %s', async (_what, waitedMs, expected) => {
    const clock = new FakeClock();
    const semaphore = new Semaphore(1, { clock, queueLimit: 1, order: { name: 'priority', ageMs: 8 } });
    semaphore.tryAcquire();
    const low = watch(semaphore.acquire());
    clock.advance(waitedMs);
    const high = watch(semaphore.acquire({ priority: 2 }));
    await turn();
    expect(states([low, high])).toEqual(expected);
    const [rejected] = [low, high].filter(({ state }) => state === 'rejected');
    expect(rejected?.reason).toBeInstanceOf(QueueFullError);
    expect(semaphore).toMatchObject({ held: 1, waiting: 1 });
  });
});
