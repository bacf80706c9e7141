import { acquireEach, pass, itByArrival } from './subject';
import type { MakeSubject, Traits } from './subject';

export function describeStats(make: MakeSubject, traits: Traits): void {
  const inOrder = itByArrival(traits);

  it('starts with stats of nothing', async () => {
    await using subject = await make(4);
    expect(subject.limiter.stats()).toMatchObject({
      permits: 4,
      held: 0,
      available: 4,
      waiting: 0,
      acquired: 0,
      aborted: 0,
      rejected: { ERR_SEMAPHORE_QUEUE_FULL: 0, ERR_SEMAPHORE_WAIT_TIMEOUT: 0, ERR_SEMAPHORE_CLOSED: 0 },
    });
  });

  it('reports in fresh snapshots that nobody can change', async () => {
    await using subject = await make(2);
    const before = subject.limiter.stats();
    await acquireEach(subject, {});
    expect(before).toMatchObject({ held: 0, acquired: 0 });
    expect(subject.limiter.stats()).toMatchObject({ held: 1, acquired: 1 });
    expect(subject.limiter.stats()).not.toBe(subject.limiter.stats());
    expect(Object.isFrozen(before)).toBe(true);
    expect(Object.isFrozen(before.rejected)).toBe(true);
  });

  inOrder('counts grants, rejections by code, and aborts', async () => {
    await using subject = await make(1, { queueLimit: 3 });
    const leaving = new AbortController();
    const [held, next] = await acquireEach(
      subject,
      {},
      {},
      { maxWaitMs: 300 },
      { signal: leaving.signal },
      {},
      { maxWaitMs: 0 },
    );
    await pass(subject, 300);
    leaving.abort();
    await subject.settle();
    held?.value.release();
    await subject.settle();
    const [last] = await acquireEach(subject, {});
    subject.limiter.close();
    await subject.settle();
    expect([next?.state, last?.state]).toEqual(['fulfilled', 'rejected']);
    expect(subject.limiter.stats()).toMatchObject({
      permits: 1,
      held: 1,
      available: 0,
      waiting: 0,
      acquired: 2,
      aborted: 1,
      rejected: { ERR_SEMAPHORE_QUEUE_FULL: 1, ERR_SEMAPHORE_WAIT_TIMEOUT: 2, ERR_SEMAPHORE_CLOSED: 1 },
    });
  });
}
