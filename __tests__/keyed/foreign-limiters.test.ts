// A KeyedSemaphore over limiters of another package, which have the methods of `Limiter` and no getters.
import { isSemaphoreError, KeyedSemaphore, Semaphore } from 'express-semaphore';
import type { Limiter } from 'express-semaphore';
import { foreignLimiter } from '../helpers/foreign-limiter';
import type { KeyLimiter } from '../../lib/keyed/key-limiter';

type Getters = Omit<KeyLimiter, keyof Limiter>;

/** A limiter of another package around a `Semaphore`. */
function foreign(permits: number): Limiter & { readonly inner: Semaphore; resize(permits: number): void } {
  const inner = new Semaphore(permits);
  const resize = (limit: number) => {
    inner.resize(limit);
  };
  return { ...foreignLimiter(inner), inner, resize };
}

describe('a KeyedSemaphore over limiters without getters', () => {
  it('reads the permits of a key from its stats, and takes its queue for unbounded', async () => {
    const perUser = new KeyedSemaphore(() => foreign(3));
    const ann = perUser.for('ann') as Limiter & Getters;
    using permit = await ann.acquire();
    expect(permit.weight).toBe(1);
    expect([ann.permits, ann.held, ann.available, ann.waiting]).toEqual([3, 1, 2, 0]);
    expect([ann.queueLimit, ann.maxWaitMs, ann.name, ann.closed]).toEqual([
      Infinity,
      Infinity,
      undefined,
      false,
    ]);
  });

  it('counts nothing of what they do not tell', async () => {
    const perUser = new KeyedSemaphore(() => foreign(3));
    using permit = await perUser.acquire('ann');
    expect(permit.weight).toBe(1);
    expect([perUser.permits, perUser.queueLimit, perUser.maxWaitMs]).toEqual([0, 0, 0]);
    expect(perUser.top('held', 5)).toEqual([]);
  });
});

describe('refresh()', () => {
  it('leaves a limiter alone that create returns again', async () => {
    const known = new Map<string, Semaphore>();
    const perUser = new KeyedSemaphore((key) => {
      const limiter = known.get(key) ?? new Semaphore(known.size + 1);
      known.set(key, limiter);
      return limiter;
    });
    using permit = await perUser.acquire('ann');
    perUser.refresh();
    expect([permit.weight, known.get('ann')?.closed, known.get('ann')?.permits]).toEqual([1, false, 1]);
  });

  it('leaves a limiter alone whose key create deletes', () => {
    let limit = 1;
    const made: Semaphore[] = [];
    const perUser: KeyedSemaphore = new KeyedSemaphore((key) => {
      if (limit > 1) perUser.delete(key);
      const limiter = new Semaphore(limit);
      made.push(limiter);
      return limiter;
    });
    perUser.tryAcquire('ann')?.release();
    limit = 2;
    perUser.refresh();
    expect(made.map(({ permits, closed }) => [permits, closed])).toEqual([
      [1, true],
      [2, true],
    ]);
    expect(perUser.size).toBe(0);
  });
});

describe('create', () => {
  it('may ask for its own key and return the limiter that this made', () => {
    const shared = new Semaphore(1);
    let depth = 0;
    const perUser: KeyedSemaphore = new KeyedSemaphore((key) => {
      if (++depth === 1) perUser.tryAcquire(key)?.release();
      return shared;
    });
    perUser.tryAcquire('ann')?.release();
    expect([perUser.size, shared.closed, shared.stats().acquired]).toEqual([1, false, 2]);
  });

  it('may close the KeyedSemaphore: the caller is rejected, and the new limiter is closed', () => {
    const made = new Semaphore(1);
    const perUser: KeyedSemaphore = new KeyedSemaphore(() => {
      perUser.close();
      return made;
    });
    let error: unknown;
    try {
      perUser.tryAcquire('ann');
    } catch (thrown) {
      error = thrown;
    }
    expect(isSemaphoreError(error) && error.code).toBe('ERR_SEMAPHORE_CLOSED');
    expect([made.closed, perUser.size]).toEqual([true, 0]);
  });
});
