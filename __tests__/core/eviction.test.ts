import { QueueFullError, Semaphore } from 'express-semaphore';
import { FakeClock } from '../helpers/clock';
import { states, turn, watch } from '../helpers/watch';

describe('a full line', () => {
  it('serves those behind a heavy first whose place a newcomer took', async () => {
    const clock = new FakeClock();
    const semaphore = new Semaphore(3, { clock, queueLimit: 2, order: { name: 'priority', ageMs: 8 } });
    semaphore.tryAcquire();
    const heavy = watch(semaphore.acquire({ weight: 3 }));
    clock.advance(100);
    const light = [1, 2].map((priority) => watch(semaphore.acquire({ priority })));
    await turn();
    expect(heavy.reason).toBeInstanceOf(QueueFullError);
    expect(states(light)).toEqual(['fulfilled', 'fulfilled']);
    expect(semaphore).toMatchObject({ held: 3, waiting: 0 });
  });
});
