import assert from 'node:assert/strict';
import { QueueClearedError } from 'express-semaphore';
import type { Limiter, Semaphore } from 'express-semaphore';
import { states, watch } from '../helpers/watch';
import { acquireEach, itByArrival, pass } from './subject';
import type { MakeSubject, Subject, Traits } from './subject';

/** The control of a queue, which limiters of one process have. */
type Controlled = Limiter & Pick<Semaphore, 'pause' | 'resume' | 'clear' | 'update' | 'paused' | 'available'>;

export function describeControl(make: MakeSubject, traits: Traits): void {
  const inOrder = itByArrival(traits);

  it('tells a queued caller its position once, and no other caller', async () => {
    await using subject = await make(1, { queueLimit: 2 });
    const told: string[] = [];
    const names = ['granted', 'first', 'second', 'rejected'];
    const options = names.map((name) => ({
      onQueued: (position: number) => void told.push(`${name} ${position}`),
    }));
    if (!traits.local) {
      const [call] = await acquireEach(subject, ...options);
      expect(call?.reason).toEqual(
        new RangeError('onQueued must be undefined, as a RedisSemaphore knows no positions, got a function'),
      );
      return;
    }
    const calls = await acquireEach(subject, ...options);
    const isNewestFirst = traits.newestFirst === true;
    expect(told).toEqual(isNewestFirst ? ['first 1', 'second 1', 'rejected 1'] : ['first 1', 'second 2']);
    calls[0]?.value.release();
    await subject.settle();
    expect(told).toHaveLength(isNewestFirst ? 3 : 2);
  });

  if (!traits.local) return;

  it('rejects a call whose onQueued throws, and loses no place and no permit', async () => {
    await using subject = await make(1, { queueLimit: 1 });
    const [held] = await acquireEach(subject, {});
    const failure = new Error('of the listener');
    const onQueued = () => {
      throw failure;
    };
    const [failed] = await acquireEach(subject, { onQueued });
    expect(failed?.reason).toBe(failure);
    expect(subject.limiter.stats()).toMatchObject({ held: 1, waiting: 0 });
    const [next] = await acquireEach(subject, {});
    held?.value.release();
    await subject.settle();
    expect(next?.state).toBe('fulfilled');
  });

  it('decides again after an onQueued that uses the limiter', async () => {
    await using subject = await make(1, { queueLimit: 1 });
    const [held] = await acquireEach(subject, {});
    const [granted] = await acquireEach(subject, { onQueued: () => held?.value.release() });
    expect(granted?.state).toBe('fulfilled');
    const onQueued = () => {
      subject.limiter.close();
    };
    const [closed] = await acquireEach(subject, { onQueued });
    expect(closed?.reason).toMatchObject({ code: 'ERR_SEMAPHORE_CLOSED' });
    expect(subject.limiter.stats()).toMatchObject({ held: 1, waiting: 0 });
  });

  it('closes at the end of its scope, and waits until it is idle', async () => {
    await using subject = await make(1);
    const [held, waiting] = await acquireEach(subject, {}, {});
    const disposable = subject.limiter as unknown as AsyncDisposable;
    const disposed = watch(Promise.resolve(disposable[Symbol.asyncDispose]()));
    await subject.settle();
    expect([waiting?.state, disposed.state]).toEqual(['rejected', 'pending']);
    held?.value.release();
    await subject.settle();
    expect(disposed.state).toBe('fulfilled');
  });

  if (traits.controls !== true) return;

  it('grants nothing while it is paused, and rejects nobody for it', async () => {
    await using subject = await make(2);
    const limiter = controlled(subject);
    const [held] = await acquireEach(subject, {});
    limiter.pause();
    limiter.pause();
    expect([limiter.paused, limiter.stats().paused, limiter.available]).toEqual([true, true, 0]);
    expect(limiter.stats()).toMatchObject({ permits: 2, held: 1, available: 0 });
    const waits = await acquireEach(subject, {}, {}, { weight: 2 });
    held?.value.release();
    await pass(subject, 60_000);
    expect(limiter.tryAcquire()).toBeUndefined();
    expect(states(waits)).toEqual(['pending', 'pending', 'pending']);
    expect(limiter.stats().held).toBe(0);
    limiter.resume();
    expect([limiter.paused, limiter.stats().paused, limiter.available]).toEqual([false, false, 0]);
    await subject.settle();
    expect(states(waits).filter((state) => state === 'fulfilled').length).toBeGreaterThan(0);
    expect(limiter.stats().held).toBe(2);
  });

  it('keeps queueLimit, maxWaitMs and the largest weight while it is paused', async () => {
    await using subject = await make(2, { queueLimit: 1 });
    controlled(subject).pause();
    const [heavy] = await acquireEach(subject, { weight: 3 });
    expect(heavy?.reason).toEqual(new RangeError('weight must be at most permits (2), got 3'));
    const calls = await acquireEach(subject, { maxWaitMs: 100 }, { maxWaitMs: 200 });
    expect(states(calls)).toContain('rejected');
    await pass(subject, 200);
    expect(states(calls)).toEqual(['rejected', 'rejected']);
    expect(subject.limiter.stats().waiting).toBe(0);
  });

  it('rejects all waiters when its queue is cleared, and goes on', async () => {
    await using subject = await make(1);
    const [held, ...waits] = await acquireEach(subject, {}, {}, { maxWaitMs: 1_000 });
    const reason = new Error('a new version is out');
    controlled(subject).clear(reason);
    expect(subject.limiter.stats().waiting).toBe(0);
    expect(subject.clock?.timers).toBe(0);
    await subject.settle();
    for (const rejected of waits) {
      expect(rejected.reason).toBeInstanceOf(QueueClearedError);
      expect(rejected.reason).toMatchObject({
        code: 'ERR_SEMAPHORE_QUEUE_CLEARED',
        status: 503,
        cause: reason,
      });
    }
    const [next] = await acquireEach(subject, {});
    held?.value.release();
    await subject.settle();
    expect(next?.state).toBe('fulfilled');
    const [last] = await acquireEach(subject, {});
    controlled(subject).clear();
    await subject.settle();
    expect(last?.reason).not.toHaveProperty('cause');
    expect(subject.limiter.stats().rejected.ERR_SEMAPHORE_QUEUE_CLEARED).toBe(3);
  });

  inOrder('changes queueLimit and maxWaitMs for later callers, and rejects no waiter', async () => {
    await using subject = await make(1, { queueLimit: 2 });
    const limiter = controlled(subject);
    const [, early, second, third] = await acquireEach(subject, {}, {}, {}, {});
    limiter.update({ queueLimit: 1, maxWaitMs: undefined });
    const [fourth] = await acquireEach(subject, {});
    expect(states([early, second, third, fourth].map((call) => call ?? assert.fail()))).toEqual([
      'pending',
      'pending',
      'rejected',
      'rejected',
    ]);
    limiter.update({ queueLimit: 3, maxWaitMs: 100 });
    const [late] = await acquireEach(subject, {});
    await pass(subject, 100);
    expect([early?.state, second?.state, late?.state]).toEqual(['pending', 'pending', 'rejected']);
    expect(late?.reason).toMatchObject({ code: 'ERR_SEMAPHORE_WAIT_TIMEOUT' });
  });

  it('changes no option when one of them is bad', async () => {
    await using subject = await make(1, { queueLimit: 5 });
    const limiter = controlled(subject);
    expect(() => {
      limiter.update({ queueLimit: 9, maxWaitMs: -1 });
    }).toThrow(new RangeError('maxWaitMs must be 0 to 2147483647 milliseconds or Infinity, got -1'));
    expect(() => {
      limiter.update({ queueLimit: '9' as unknown as number });
    }).toThrow(new TypeError('queueLimit must be a number, got "9"'));
    expect(limiter).toMatchObject({ queueLimit: 5, maxWaitMs: Infinity });
  });
}

function controlled(subject: Subject): Controlled {
  return subject.limiter as Controlled;
}
