import { isSemaphoreError, QueueFullError, WaitTimeoutError } from 'express-semaphore';
import { states, watch } from '../helpers/watch';
import { acquireEach, pass, itByArrival } from './subject';
import type { MakeSubject, Traits } from './subject';

const BAD_WAITS: [value: unknown, kind: ErrorConstructor, message: string][] = [
  [-1, RangeError, 'maxWaitMs must be 0 to 2147483647 milliseconds or Infinity, got -1'],
  [NaN, RangeError, 'maxWaitMs must be 0 to 2147483647 milliseconds or Infinity, got NaN'],
  [2 ** 31, RangeError, 'maxWaitMs must be 0 to 2147483647 milliseconds or Infinity, got 2147483648'],
  ['100', TypeError, 'maxWaitMs must be a number, got "100"'],
  [null, TypeError, 'maxWaitMs must be a number, got null'],
];

export function describeQueueing(make: MakeSubject, traits: Traits): void {
  const { local } = traits;
  const inOrder = itByArrival(traits);

  inOrder('rejects the newcomer when the queue is full, and keeps the waiters', async () => {
    await using subject = await make(1, { queueLimit: 2 });
    const [held, first, second, third, fourth] = await acquireEach(subject, {}, {}, {}, {}, {});
    expect(third?.reason).toBeInstanceOf(QueueFullError);
    expect(third?.reason).toMatchObject({
      name: 'QueueFullError',
      code: 'ERR_SEMAPHORE_QUEUE_FULL',
    });
    expect(fourth?.reason).not.toBe(third?.reason);
    expect(states([first, second].flatMap((call) => call ?? []))).toEqual(['pending', 'pending']);
    expect(subject.limiter.stats()).toMatchObject({ waiting: 2, rejected: { ERR_SEMAPHORE_QUEUE_FULL: 2 } });
    held?.value.release();
    await subject.settle();
    expect(first?.state).toBe('fulfilled');
  });

  it('queues no caller with a queueLimit of 0, and grants free permits', async () => {
    await using subject = await make(1, { queueLimit: 0 });
    const [granted, rejected] = await acquireEach(subject, {}, {});
    expect(granted?.state).toBe('fulfilled');
    expect(rejected?.reason).toBeInstanceOf(QueueFullError);
  });

  inOrder('counts waiters, not their weight, against queueLimit', async () => {
    await using subject = await make(4, { queueLimit: 1 });
    const [, heavy, next] = await acquireEach(subject, {}, { weight: 4 }, {});
    expect(heavy?.state).toBe('pending');
    expect(next?.reason).toBeInstanceOf(QueueFullError);
  });

  it('frees the queue place after a grant, a timeout and an abort', async () => {
    await using subject = await make(1, { queueLimit: 1 });
    const leaving = new AbortController();
    const [held, granted] = await acquireEach(subject, {}, {});
    held?.value.release();
    await subject.settle();
    const [late] = await acquireEach(subject, { maxWaitMs: 100 });
    await pass(subject, 100);
    expect([granted?.state, late?.state]).toEqual(['fulfilled', 'rejected']);
    const [gone] = await acquireEach(subject, { signal: leaving.signal });
    leaving.abort();
    await subject.settle();
    const [last] = await acquireEach(subject, {});
    expect([gone?.state, last?.state]).toEqual(['rejected', 'pending']);
  });

  it('queues no caller with a maxWaitMs of 0, and grants free permits', async () => {
    await using subject = await make(1);
    const [granted, rejected] = await acquireEach(subject, { maxWaitMs: 0 }, { maxWaitMs: 0 });
    expect(granted?.state).toBe('fulfilled');
    expect(rejected?.reason).toBeInstanceOf(WaitTimeoutError);
    expect(subject.limiter.stats()).toMatchObject({
      waiting: 0,
      rejected: { ERR_SEMAPHORE_WAIT_TIMEOUT: 1 },
    });
  });

  it('rejects a waiter after its maxWaitMs, and not before', async () => {
    await using subject = await make(1);
    const [held] = await acquireEach(subject, {});
    const now = (): number => subject.clock?.now() ?? performance.now();
    const start = now();
    let waitedMs = 0;
    const late = watch(
      subject.limiter.acquire({ maxWaitMs: 500 }).catch((error: unknown) => {
        waitedMs = now() - start;
        throw error;
      }),
    );
    await subject.settle();
    await pass(subject, 499);
    // A busy machine may let more than 500 ms of real time pass.
    if (subject.clock !== undefined) expect(late.state).toBe('pending');
    await pass(subject, 1);
    expect(late.reason).toBeInstanceOf(WaitTimeoutError);
    expect(late.reason).toMatchObject({ name: 'WaitTimeoutError', code: 'ERR_SEMAPHORE_WAIT_TIMEOUT' });
    expect(isSemaphoreError(late.reason)).toBe(true);
    // A timer of the platform may fire one millisecond early.
    expect(waitedMs).toBeGreaterThanOrEqual(499);
    held?.value.release();
    await subject.limiter.idle();
    expect(subject.limiter.stats()).toMatchObject({ held: 0, waiting: 0 });
  });

  it("waits its own maxWaitMs where a call says none, and the call's where it does", async () => {
    await using subject = await make(1, { maxWaitMs: 200 });
    const calls = await acquireEach(subject, {}, {}, { maxWaitMs: undefined }, { maxWaitMs: Infinity });
    await pass(subject, 200);
    expect(states(calls)).toEqual(['fulfilled', 'rejected', 'rejected', 'pending']);
  });

  it('serves the waiters behind a head that timed out', async () => {
    await using subject = await make(2);
    const [, heavy, light] = await acquireEach(subject, {}, { weight: 2, maxWaitMs: 100 }, {});
    await pass(subject, 100);
    expect([heavy?.state, light?.state]).toEqual(['rejected', 'fulfilled']);
  });

  it('takes the longest wait that a timer can measure, and none longer than that', async () => {
    await using subject = await make(1);
    const [, longest, endless] = await acquireEach(
      subject,
      {},
      { maxWaitMs: 2 ** 31 - 1 },
      { maxWaitMs: Infinity },
    );
    await pass(subject, 50);
    expect([longest?.state, endless?.state]).toEqual(['pending', 'pending']);
  });

  it.each(BAD_WAITS)('rejects a maxWaitMs of %p and names the option', async (maxWaitMs, kind, message) => {
    await using subject = await make(1);
    const call = watch(subject.limiter.acquire({ maxWaitMs: maxWaitMs as number }));
    await subject.settle();
    expect(call.reason).toEqual(new kind(message));
  });

  if (!local) return;

  inOrder('keeps no timer beyond a wait, and makes none for an endless one', async () => {
    await using subject = await make(1);
    const [held, granted, late, endless] = await acquireEach(
      subject,
      {},
      { maxWaitMs: 500 },
      { maxWaitMs: 100 },
      {},
    );
    expect(subject.clock?.timers).toBe(2);
    await pass(subject, 100);
    expect([late?.state, subject.clock?.timers]).toEqual(['rejected', 1]);
    held?.value.release();
    expect(subject.clock?.timers).toBe(0);
    await subject.settle();
    expect([granted?.state, endless?.state]).toEqual(['fulfilled', 'pending']);
    expect(subject.clock?.made).toBe(2);
  });
}
