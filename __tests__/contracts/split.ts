import { defer } from '../helpers/serve';
import { acquireEach } from './subject';
import type { MakeSubject, Traits } from './subject';

export function describeSplit(make: MakeSubject, traits: Traits): void {
  if (!traits.local) {
    it('does not split a permit, and says so', async () => {
      await using subject = await make(3);
      const [whole] = await acquireEach(subject, { weight: 3 });
      expect(() => whole?.value.split(1)).toThrow(
        new TypeError('a permit of a RedisSemaphore cannot be split'),
      );
      expect(whole?.value.weight).toBe(3);
    });
    return;
  }

  it('releases the parts of a split permit apart, in any order, and each once', async () => {
    await using subject = await make(5);
    const { limiter } = subject;
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 2, 0],
    ]) {
      const before = limiter.stats();
      const whole = await limiter.acquire({ weight: 5 });
      const part = whole.split(3);
      const parts = [whole, part, part.split(1)];
      expect(parts.map(({ weight }) => weight)).toEqual([2, 2, 1]);
      expect(limiter.stats().held).toBe(5);
      let held = 5;
      for (const index of order) {
        const one = parts[index];
        one?.release('overload');
        one?.release();
        one?.[Symbol.dispose]();
        held -= one?.weight ?? 0;
        expect(limiter.stats().held).toBe(held);
      }
      const { acquired, released } = limiter.stats();
      expect(acquired - before.acquired).toBe(1);
      expect(released).toEqual({ ...before.released, overload: before.released.overload + 1 });
      await limiter.idle();
    }
  });

  it('keeps the rest of a permit with a hold limit of its own when a part is released', async () => {
    await using subject = await make(4);
    const { limiter } = subject;
    const whole = await limiter.acquire({ weight: 4, maxHoldMs: 60_000 });
    const part = whole.split(1);
    part.release();
    expect(limiter.stats()).toMatchObject({ held: 3, released: { success: 0 } });
    whole.release();
    expect(limiter.stats()).toMatchObject({ held: 0, released: { success: 1 } });
  });

  it('grants to the next waiter what a part releases', async () => {
    await using subject = await make(2);
    const [whole, next] = await acquireEach(subject, { weight: 2 }, {});
    whole?.value.split(1).release();
    await subject.settle();
    expect([next?.state, subject.limiter.stats().held]).toEqual(['fulfilled', 2]);
    whole?.value.release();
    expect(subject.limiter.stats().held).toBe(1);
  });

  it('delays only the part that holds work', async () => {
    await using subject = await make(3);
    const { limiter } = subject;
    const whole = await limiter.acquire({ weight: 3 });
    const part = whole.split(1);
    const [first, second] = [defer(), defer()];
    whole.hold(first.promise);
    part.hold(second.promise);
    whole.release();
    part.release();
    expect(limiter.stats().held).toBe(3);
    first.resolve();
    await subject.settle();
    expect(limiter.stats().held).toBe(1);
    whole.hold(defer().promise);
    second.resolve();
    await subject.settle();
    expect(limiter.stats()).toMatchObject({ held: 0, released: { success: 1 } });
  });

  it('aborts the signal of a part with that of the whole', async () => {
    await using subject = await make(2);
    const caller = new AbortController();
    const whole = await subject.limiter.acquire({ weight: 2, signal: caller.signal });
    const part = whole.split(1);
    whole.release();
    caller.abort('gone');
    expect(part.signal.reason).toBe('gone');
    part.release();
  });

  it('splits no more than there is, and no permit that is released', async () => {
    await using subject = await make(2);
    const permit = await subject.limiter.acquire({ weight: 2 });
    for (const weight of [2, 3]) {
      expect(() => permit.split(weight)).toThrow(
        new RangeError(`weight must be less than that of the permit (2), got ${weight}`),
      );
    }
    expect(() => permit.split(0)).toThrow(new RangeError('weight must be an integer of at least 1, got 0'));
    expect(() => permit.split('1' as never)).toThrow(new TypeError('weight must be a number, got "1"'));
    permit.release();
    expect(() => permit.split(1)).toThrow(new TypeError('a released permit cannot be split'));
    expect(subject.limiter.stats()).toMatchObject({ held: 0, released: { success: 1 } });
  });
}
