import { states, watch } from '../helpers/watch';
import { acquireEach, itByArrival } from './subject';
import type { MakeSubject, Traits } from './subject';

const BAD_WEIGHTS: [value: unknown, kind: ErrorConstructor, message: string][] = [
  [0, RangeError, 'weight must be an integer of at least 1, got 0'],
  [-1, RangeError, 'weight must be an integer of at least 1, got -1'],
  [1.5, RangeError, 'weight must be an integer of at least 1, got 1.5'],
  [NaN, RangeError, 'weight must be an integer of at least 1, got NaN'],
  [Infinity, RangeError, 'weight must be an integer of at least 1, got Infinity'],
  [2 ** 53, RangeError, 'weight must be an integer of at least 1, got 9007199254740992'],
  ['2', TypeError, 'weight must be a number, got "2"'],
  [null, TypeError, 'weight must be a number, got null'],
  [2n, TypeError, 'weight must be a number, got 2n'],
  [{}, TypeError, 'weight must be a number, got an object'],
];

export function describeWeights(make: MakeSubject, traits: Traits): void {
  const { local } = traits;
  const inOrder = itByArrival(traits);

  it('acquires and releases as many permits as the weight', async () => {
    await using subject = await make(5);
    const permit = await subject.limiter.acquire({ weight: 3 });
    expect(permit.weight).toBe(3);
    expect(subject.limiter.stats()).toMatchObject({ held: 3, available: 2, acquired: 1 });
    permit.release();
    await subject.limiter.idle();
    expect(subject.limiter.stats()).toMatchObject({ held: 0, available: 5 });
  });

  inOrder('lets a heavy head gather permits while light ones wait behind it', async () => {
    await using subject = await make(3);
    const [a, b, c, heavy, light] = await acquireEach(subject, {}, {}, {}, { weight: 3 }, {});
    for (const holder of [a, b]) {
      holder?.value.release();
      expect(subject.limiter.tryAcquire()).toBeUndefined();
      await subject.settle();
      expect([heavy?.state, light?.state]).toEqual(['pending', 'pending']);
    }
    c?.value.release();
    await subject.settle();
    expect([heavy?.state, light?.state]).toEqual(['fulfilled', 'pending']);
    heavy?.value.release();
    await subject.settle();
    expect(light?.state).toBe('fulfilled');
  });

  inOrder('serves every waiter that fits after one heavy release', async () => {
    await using subject = await make(4);
    const [heavy, ...waits] = await acquireEach(subject, { weight: 4 }, {}, { weight: 2 }, {}, {});
    heavy?.value.release();
    await subject.settle();
    expect(states(waits)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'pending']);
    expect(subject.limiter.stats()).toMatchObject({ held: 4, waiting: 1 });
  });

  it('rejects a weight above the limit at once, and queues nothing', async () => {
    await using subject = await make(2);
    const [held, tooHeavy] = await acquireEach(subject, { weight: 2 }, { weight: 3 });
    expect(tooHeavy?.reason).toEqual(new RangeError('weight must be at most permits (2), got 3'));
    expect(subject.limiter.stats()).toMatchObject({ held: 2, waiting: 0 });
    held?.value.release();
    expect(() => subject.limiter.tryAcquire({ weight: 3 })).toThrow(
      new RangeError('weight must be at most permits (2), got 3'),
    );
  });

  it('adds large weights without overflow', async () => {
    const permits = 2 ** 31;
    await using subject = await make(permits);
    const [most, one, next] = await acquireEach(subject, { weight: permits - 1 }, {}, {});
    expect([most?.state, one?.state, next?.state]).toEqual(['fulfilled', 'fulfilled', 'pending']);
    expect(subject.limiter.stats()).toMatchObject({ held: permits, available: 0 });
  });

  it.each(BAD_WEIGHTS)('rejects a weight of %p and names the option', async (weight, kind, message) => {
    await using subject = await make(2);
    const options = { weight: weight as number };
    const call = watch(subject.limiter.acquire(options));
    await subject.settle();
    expect(call.reason).toEqual(new kind(message));
    expect(() => subject.limiter.tryAcquire(options)).toThrow(new kind(message));
    expect(subject.limiter.stats()).toMatchObject({ held: 0, waiting: 0 });
  });

  if (!local) return;

  it('takes several free permits without waiting, or none', async () => {
    await using subject = await make(3);
    const two = subject.limiter.tryAcquire({ weight: 2 });
    expect(two?.weight).toBe(2);
    expect(subject.limiter.tryAcquire({ weight: 2 })).toBeUndefined();
    expect(subject.limiter.stats()).toMatchObject({ held: 2, available: 1 });
    expect(subject.limiter.tryAcquire({ weight: undefined })?.weight).toBe(1);
  });
}
