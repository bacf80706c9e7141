import { getEventListeners } from 'node:events';
import { states, watch } from '../helpers/watch';
import { acquireEach, pass, itByArrival } from './subject';
import type { MakeSubject, Traits } from './subject';

export function describeLeaving(make: MakeSubject, traits: Traits): void {
  const { local } = traits;
  const inOrder = itByArrival(traits);

  it('never acquires with an aborted signal, even when a permit is free', async () => {
    await using subject = await make(1);
    const reason = new Error('changed my mind');
    const [call] = await acquireEach(subject, { signal: AbortSignal.abort(reason) });
    expect(call?.reason).toBe(reason);
    expect(subject.limiter.stats()).toMatchObject({ held: 0, acquired: 0, aborted: 1 });
  });

  it('ends a wait with the reason of its signal, whatever that is', async () => {
    await using subject = await make(1);
    const [plain, worded] = [new AbortController(), new AbortController()];
    const [, first, second] = await acquireEach(
      subject,
      {},
      { signal: plain.signal },
      { signal: worded.signal },
    );
    plain.abort();
    worded.abort('bored');
    await subject.settle();
    expect(first?.reason).toBe(plain.signal.reason);
    expect(second?.reason).toBe('bored');
    expect(subject.limiter.stats()).toMatchObject({ waiting: 0, aborted: 2 });
  });

  inOrder('passes over a waiter that has left', async () => {
    await using subject = await make(1);
    const leaving = new AbortController();
    const [held, first, second, third] = await acquireEach(subject, {}, {}, { signal: leaving.signal }, {});
    leaving.abort();
    held?.value.release();
    await subject.settle();
    first?.value.release();
    await subject.settle();
    expect([second?.state, third?.state]).toEqual(['rejected', 'fulfilled']);
  });

  it('lets the next through at once when a heavy head leaves', async () => {
    await using subject = await make(3);
    const leaving = new AbortController();
    const [, heavy, ...light] = await acquireEach(
      subject,
      {},
      { weight: 3, signal: leaving.signal },
      {},
      {},
      {},
    );
    leaving.abort();
    await subject.settle();
    expect(heavy?.state).toBe('rejected');
    expect(states(light)).toEqual(['fulfilled', 'fulfilled', 'pending']);
  });

  it('serves the second when the first leaves in the tick of a release', async () => {
    await using subject = await make(1);
    const leaving = new AbortController();
    const [held, first, second] = await acquireEach(subject, {}, { signal: leaving.signal }, {});
    leaving.abort();
    held?.value.release();
    await subject.settle();
    expect([first?.state, second?.state]).toEqual(['rejected', 'fulfilled']);
  });

  it('loses no permit when a release comes just before an abort', async () => {
    await using subject = await make(1);
    const leaving = new AbortController();
    const [held, raced] = await acquireEach(subject, {}, { signal: leaving.signal });
    held?.value.release();
    leaving.abort();
    await subject.settle();
    expect(raced?.state).not.toBe('pending');
    if (raced?.state === 'fulfilled') raced.value.release();
    const [next] = await acquireEach(subject, {});
    expect(next?.state).toBe('fulfilled');
    expect(subject.limiter.stats()).toMatchObject({ held: 1, waiting: 0 });
  });

  it('keeps every permit when all of one signal leave at once', async () => {
    await using subject = await make(2);
    const leaving = new AbortController();
    const { signal } = leaving;
    const calls = await acquireEach(subject, {}, {}, { signal }, {}, { signal }, { signal, weight: 2 });
    leaving.abort();
    await subject.settle();
    expect(states(calls)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'pending', 'rejected', 'rejected']);
    for (const { value } of calls.slice(0, 2)) value.release();
    await subject.settle();
    calls[3]?.value.release();
    await subject.limiter.idle();
    expect(subject.limiter.stats()).toMatchObject({ held: 0, waiting: 0, aborted: 3 });
  });

  inOrder('leaves no listener on a signal, whatever became of the call', async () => {
    await using subject = await make(1, { queueLimit: 3 });
    const { signal } = new AbortController();
    const calls = await acquireEach(
      subject,
      { signal },
      { signal },
      { signal, maxWaitMs: 100 },
      { signal },
      { signal },
      { signal, weight: 2 },
      { signal, maxWaitMs: 0 },
    );
    await pass(subject, 100);
    calls[0]?.value.release();
    await subject.settle();
    calls[1]?.value.release();
    await subject.settle();
    calls[3]?.value.release();
    await subject.limiter.idle();
    expect(states(calls).filter((state) => state === 'fulfilled')).toHaveLength(3);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  it('rejects a signal that is not an AbortSignal', async () => {
    await using subject = await make(1);
    const rejected = Object.entries({ null: null, '"now"': 'now', 'an object': {} });
    for (const [described, signal] of rejected) {
      const call = watch(subject.limiter.acquire({ signal: signal as AbortSignal }));
      await subject.settle();
      expect(call.reason).toEqual(new TypeError(`signal must be an AbortSignal, got ${described}`));
    }
    expect(subject.limiter.stats()).toMatchObject({ held: 0, waiting: 0 });
  });

  if (!local) return;

  it('has left the queue when abort returns', async () => {
    await using subject = await make(1, { queueLimit: 1 });
    const leaving = new AbortController();
    await acquireEach(subject, {}, { signal: leaving.signal });
    leaving.abort();
    expect(subject.limiter.stats()).toMatchObject({ waiting: 0, aborted: 1 });
    const [next] = await acquireEach(subject, {});
    expect(next?.state).toBe('pending');
  });
}
