import { ClosedError } from 'express-semaphore';
import { watch } from '../helpers/watch';
import { acquireEach } from './subject';
import type { MakeSubject, Traits } from './subject';

export function describeClosing(make: MakeSubject, { local }: Traits): void {
  it('rejects the waiters and all later callers once it is closed', async () => {
    await using subject = await make(1);
    const [held, first, second] = await acquireEach(subject, {}, {}, {});
    const reason = new Error('shutting down');
    subject.limiter.close(reason);
    const [later] = await acquireEach(subject, {});
    for (const rejected of [first, second, later]) {
      expect(rejected?.reason).toBeInstanceOf(ClosedError);
      expect(rejected?.reason).toMatchObject({ code: 'ERR_SEMAPHORE_CLOSED', cause: reason });
    }
    expect(first?.reason).not.toBe(second?.reason);
    expect(held?.value.signal.aborted).toBe(false);
    expect(subject.limiter.stats()).toMatchObject({ held: 1, waiting: 0 });
  });

  it('rejects callers after a close, although permits are free', async () => {
    await using subject = await make(2);
    subject.limiter.close();
    const [call] = await acquireEach(subject, {});
    expect(call?.reason).toBeInstanceOf(ClosedError);
    expect(call?.reason).not.toHaveProperty('cause');
    expect(() => subject.limiter.tryAcquire()).toThrow(ClosedError);
  });

  it('accepts releases after close, and grants nothing', async () => {
    await using subject = await make(1);
    const [held, waiter] = await acquireEach(subject, {}, {});
    subject.limiter.close('first');
    subject.limiter.close('second');
    held?.value.release();
    await subject.limiter.idle();
    const [later] = await acquireEach(subject, {});
    expect(waiter?.reason).toMatchObject({ cause: 'first' });
    expect(later?.reason).toMatchObject({ cause: 'first' });
    expect(subject.limiter.stats()).toMatchObject({ held: 0, waiting: 0 });
  });

  it('is idle once nothing is held, held on to, or waited for', async () => {
    await using subject = await make(1);
    await subject.limiter.idle();
    const [first, second] = await acquireEach(subject, {}, {});
    const idle = watch(subject.limiter.idle());
    const idleToo = watch(subject.limiter.idle());
    first?.value.release();
    await subject.settle();
    expect(idle.state).toBe('pending');
    second?.value.hold(subject.settle());
    second?.value.release();
    expect(idle.state).toBe('pending');
    await subject.limiter.idle();
    await subject.settle();
    expect([idle.state, idleToo.state]).toEqual(['fulfilled', 'fulfilled']);
    const [third] = await acquireEach(subject, {});
    const again = watch(subject.limiter.idle());
    await subject.settle();
    expect(again.state).toBe('pending');
    third?.value.release();
    await subject.settle();
    expect(again.state).toBe('fulfilled');
  });

  if (!local) return;

  it('has an empty queue when close returns', async () => {
    await using subject = await make(1);
    await acquireEach(subject, {}, {}, { maxWaitMs: 100 });
    subject.limiter.close();
    expect(subject.limiter.stats().waiting).toBe(0);
    expect(subject.clock?.timers).toBe(0);
  });
}
