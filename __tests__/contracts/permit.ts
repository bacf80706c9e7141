import assert from 'node:assert/strict';
import { EventEmitter, getEventListeners } from 'node:events';
import { defer } from '../helpers/serve';
import { acquireEach, itByArrival, pass } from './subject';
import type { MakeSubject, Traits } from './subject';

export function describePermit(make: MakeSubject, traits: Traits): void {
  const { local } = traits;
  const inOrder = itByArrival(traits);

  inOrder('says how long its caller waited', async () => {
    await using subject = await make(1);
    const [first, second] = await acquireEach(subject, {}, {});
    await pass(subject, 100);
    first?.value.release();
    await subject.settle();
    const waitedMs = second?.value.waitedMs ?? 0;
    if (local) expect([first?.value.waitedMs, waitedMs]).toEqual([0, 100]);
    // A timer of the platform may fire one millisecond early.
    else expect(waitedMs).toBeGreaterThanOrEqual(99);
  });

  inOrder('takes a permit back once, however often it is released', async () => {
    await using subject = await make(2);
    const [first, second, third, fourth] = await acquireEach(subject, {}, {}, {}, {});
    first?.value.release();
    first?.value.release();
    first?.value[Symbol.dispose]();
    first?.value.release('overload');
    await subject.settle();
    expect([third?.state, fourth?.state]).toEqual(['fulfilled', 'pending']);
    expect(subject.limiter.stats()).toMatchObject({ permits: 2, held: 2 });
    second?.value.release();
    third?.value.release();
    await subject.settle();
    fourth?.value.release();
    await subject.limiter.idle();
    expect(subject.limiter.stats()).toMatchObject({ permits: 2, held: 0, available: 2 });
  });

  it('releases a permit although its outcome is unknown, and then throws', async () => {
    await using subject = await make(1);
    const [first] = await acquireEach(subject, {});
    expect(() => {
      first?.value.release('failure' as 'ignore');
    }).toThrow(new RangeError('outcome must be success, overload or ignore, got "failure"'));
    await subject.limiter.idle();
    expect(subject.limiter.stats()).toMatchObject({ held: 0, released: { ignore: 1 } });
  });

  it('releases a permit whose release is a listener', async () => {
    await using subject = await make(1);
    const [first] = await acquireEach(subject, {});
    const socket = new EventEmitter();
    socket.once('close', first?.value.release ?? assert.fail());
    socket.emit('close', false);
    await subject.limiter.idle();
    expect(subject.limiter.stats()).toMatchObject({ held: 0, released: { ignore: 1 } });
  });

  it('takes a permit back at the end of its scope', async () => {
    await using subject = await make(1);
    {
      using permit = await subject.limiter.acquire();
      expect(permit.weight).toBe(1);
      expect(subject.limiter.stats().held).toBe(1);
    }
    await subject.limiter.idle();
    expect(subject.limiter.stats().held).toBe(0);
  });

  it('delays the effect of a release until all held work has settled', async () => {
    await using subject = await make(1);
    const [first, second] = await acquireEach(subject, {}, {});
    const [work, more] = [defer(), defer()];
    first?.value.hold(work.promise);
    first?.value.hold(more.promise);
    first?.value.release();
    await subject.settle();
    more.resolve();
    await subject.settle();
    expect(second?.state).toBe('pending');
    work.resolve();
    await subject.settle();
    expect(second?.state).toBe('fulfilled');
  });

  it('waits for the release when held work settles first', async () => {
    await using subject = await make(1);
    const [first, second] = await acquireEach(subject, {}, {});
    first?.value.hold(Promise.resolve());
    await subject.settle();
    expect(second?.state).toBe('pending');
    first?.value.release();
    await subject.settle();
    expect(second?.state).toBe('fulfilled');
  });

  it('can take on more work between a release and its effect, and none after it', async () => {
    await using subject = await make(1);
    const [first, second] = await acquireEach(subject, {}, {});
    const [work, more, late] = [defer(), defer(), defer()];
    first?.value.hold(work.promise);
    first?.value.release();
    first?.value.hold(more.promise);
    work.resolve();
    await subject.settle();
    expect(second?.state).toBe('pending');
    more.resolve();
    await subject.settle();
    expect(second?.state).toBe('fulfilled');
    first?.value.hold(late.promise);
    late.resolve();
    await subject.settle();
    expect(subject.limiter.stats()).toMatchObject({ held: 1, waiting: 0 });
  });

  it.each<[does: string, then: (settle: () => void) => void]>([
    [
      'calls back twice',
      (settle) => {
        settle();
        settle();
      },
    ],
    [
      'throws',
      () => {
        throw new Error('of another');
      },
    ],
  ])('counts once a promise whose own then %s', async (_does, then) => {
    await using subject = await make(1);
    const [first, second] = await acquireEach(subject, {}, {});
    const work = defer();
    first?.value.hold(work.promise);
    first?.value.hold(Object.assign(Promise.resolve(), { then }));
    first?.value.release();
    await subject.settle();
    expect(second?.state).toBe('pending');
    work.resolve();
    await subject.settle();
    expect(second?.state).toBe('fulfilled');
  });

  it('holds for promises only', async () => {
    await using subject = await make(1);
    const [first] = await acquireEach(subject, {});
    for (const [work, shown] of [
      [7, '7'],
      [null, 'null'],
      [{ then: true }, 'an object'],
    ] as const) {
      expect(() => {
        first?.value.hold(work as never);
      }).toThrow(new TypeError(`work must be a promise, got ${shown}`));
    }
  });

  it("aborts a permit's signal with the caller's, and not on release", async () => {
    await using subject = await make(3);
    const caller = new AbortController();
    const [plain, lent, released] = await acquireEach(
      subject,
      {},
      { signal: caller.signal },
      { signal: caller.signal },
    );
    expect(plain?.value.signal).toBe(plain?.value.signal);
    released?.value.release();
    expect(released?.value.signal.aborted).toBe(false);
    caller.abort('gone');
    expect([plain?.value.signal.aborted, lent?.value.signal.aborted]).toEqual([false, true]);
    expect(lent?.value.signal.reason).toBe('gone');
    await subject.settle();
    expect(subject.limiter.stats()).toMatchObject({ held: 2 });
  });

  it('ends the time of a permit after the maxHoldMs of its call, and counts that once', async () => {
    await using subject = await make(3);
    const caller = new AbortController();
    const { signal } = caller;
    // A busy machine takes its time to release the permits.
    const maxHoldMs = subject.clock === undefined ? 1_000 : 50;
    const calls = await acquireEach(subject, { maxHoldMs, signal }, { maxHoldMs: Infinity }, { maxHoldMs });
    const [timed, endless, released] = calls.map(({ value }) => value);
    expect(timed?.signal.aborted).toBe(false);
    released?.release();
    await pass(subject, maxHoldMs);
    expect(timed?.signal.reason).toMatchObject({ code: 'ERR_SEMAPHORE_HOLD_TIMEOUT' });
    expect([endless?.signal.aborted, released?.signal.aborted]).toEqual([false, false]);
    expect(subject.limiter.stats()).toMatchObject({ held: 2, rejected: { ERR_SEMAPHORE_HOLD_TIMEOUT: 1 } });
    timed?.release();
    endless?.release();
    await subject.limiter.idle();
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    expect(subject.clock?.timers ?? 0).toBe(0);
  });

  if (!local) return;

  it('is released when release returns', async () => {
    await using subject = await make(1);
    subject.limiter.tryAcquire()?.release();
    expect(subject.limiter.stats()).toMatchObject({ held: 0, available: 1 });
  });
}
