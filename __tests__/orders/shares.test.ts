import { KeyedSemaphore, Semaphore } from 'express-semaphore';
import type { Order, Permit } from 'express-semaphore';
import { aimd, AdaptiveSemaphore } from 'express-semaphore/adaptive';
import { FakeClock } from 'express-semaphore/testing';
import { states, turn, watch } from '../helpers/watch';

type Shares = NonNullable<Extract<Order, { name: 'fair' }>['shares']>;

function sharing(permits: number, shares: Shares, options: object = {}): Semaphore {
  return new Semaphore(permits, { ...options, order: { name: 'fair', shares } });
}

/** Takes `count` permits, which must be free. */
function take(semaphore: Semaphore, count: number, flow: string): Permit[] {
  return Array.from({ length: count }, () => {
    const permit = semaphore.tryAcquire({ flow });
    if (permit === undefined) throw new Error('no permit is free');
    return permit;
  });
}

describe('a guaranteed share', () => {
  it('is lent while its flow is idle, and served first when the flow returns', async () => {
    const semaphore = sharing(4, { checkout: { min: 2 } });
    const held = take(semaphore, 4, 'search');
    const search = [1, 2].map(() => watch(semaphore.acquire({ flow: 'search' })));
    const checkout = [1, 2, 3].map(() => watch(semaphore.acquire({ flow: 'checkout' })));
    await turn();
    expect(states([...search, ...checkout])).toEqual(Array(5).fill('pending'));
    held[0]?.release();
    held[1]?.release();
    await turn();
    expect(states(search)).toEqual(['pending', 'pending']);
    expect(states(checkout)).toEqual(['fulfilled', 'fulfilled', 'pending']);
  });

  it('costs its flow no turn', async () => {
    const semaphore = sharing(3, { a: { min: 1 } });
    const held = take(semaphore, 3, 'b');
    const waits = ['a', 'a', 'b'].map((flow) => watch(semaphore.acquire({ flow })));
    held[0]?.release();
    held[1]?.release();
    await turn();
    expect(states(waits)).toEqual(['fulfilled', 'fulfilled', 'pending']);
  });

  it('applies again after a release of its flow', async () => {
    const semaphore = sharing(2, { a: { min: 1 } });
    const [a] = take(semaphore, 1, 'a');
    take(semaphore, 1, 'b');
    const b = watch(semaphore.acquire({ flow: 'b' }));
    const again = watch(semaphore.acquire({ flow: 'a' }));
    a?.release();
    await turn();
    expect(states([b, again])).toEqual(['pending', 'fulfilled']);
  });

  it('alternates between flows below their guarantees', async () => {
    const semaphore = sharing(4, { a: { min: 2 }, b: { min: 2 } });
    const held = take(semaphore, 4, '');
    const waits = ['a', 'a', 'b', 'b'].map((flow) => watch(semaphore.acquire({ flow })));
    held[0]?.release();
    held[1]?.release();
    await turn();
    expect(states(waits)).toEqual(['fulfilled', 'pending', 'fulfilled', 'pending']);
  });

  it('lets its newcomer pass a heavy waiter that gathers permits', async () => {
    const semaphore = sharing(4, { a: { min: 1 } });
    take(semaphore, 2, '');
    const heavy = watch(semaphore.acquire({ weight: 3 }));
    expect(semaphore.tryAcquire({ flow: 'a' })).toBeDefined();
    expect(semaphore.tryAcquire({ flow: 'a' })).toBeUndefined();
    await turn();
    expect(heavy.state).toBe('pending');
  });

  it('holds for as many permits as a smaller limit has', async () => {
    const semaphore = sharing(4, { a: { min: 2 }, b: { min: 2 } });
    const held = take(semaphore, 4, '');
    semaphore.resize(1);
    const waits = ['', 'a', 'b'].map((flow) => watch(semaphore.acquire({ flow })));
    for (const permit of held) permit.release();
    await turn();
    expect(states(waits)).toEqual(['pending', 'fulfilled', 'pending']);
  });
});

describe('a capped share', () => {
  it('queues a newcomer beside free permits, which others get', async () => {
    const semaphore = sharing(4, { crawler: { max: 2 } });
    const [held] = take(semaphore, 2, 'crawler');
    expect(semaphore.tryAcquire({ flow: 'crawler' })).toBeUndefined();
    const waits = [1, 2].map(() => watch(semaphore.acquire({ flow: 'crawler' })));
    await turn();
    expect([...states(waits), semaphore.available]).toEqual(['pending', 'pending', 2]);
    const [other] = take(semaphore, 2, 'user');
    other?.release();
    await turn();
    expect([...states(waits), semaphore.available]).toEqual(['pending', 'pending', 1]);
    held?.release();
    await turn();
    expect([...states(waits), semaphore.available]).toEqual(['fulfilled', 'pending', 1]);
  });

  it('is skipped while other flows are served', async () => {
    const semaphore = sharing(2, { crawler: { max: 1 } });
    take(semaphore, 1, 'crawler');
    const [held] = take(semaphore, 1, 'user');
    const waits = ['crawler', 'user'].map((flow) => watch(semaphore.acquire({ flow })));
    held?.release();
    await turn();
    expect(states(waits)).toEqual(['pending', 'fulfilled']);
  });

  it('counts weights, and the released part of a split permit', async () => {
    const semaphore = sharing(9, { a: { max: 4 } });
    const permit = await semaphore.acquire({ flow: 'a', weight: 3 });
    const waiting = watch(semaphore.acquire({ flow: 'a', weight: 2 }));
    await turn();
    expect(waiting.state).toBe('pending');
    permit.split(1).release();
    await turn();
    expect([waiting.state, semaphore.held]).toEqual(['fulfilled', 4]);
    permit.release();
    waiting.value.release();
    expect(semaphore.tryAcquire({ flow: 'a', weight: 4 })).toBeDefined();
  });

  it('rejects a weight above its maximum, for which no release can help', async () => {
    const semaphore = sharing(9, { a: { max: 4 } });
    await expect(semaphore.acquire({ flow: 'a', weight: 5 })).rejects.toThrow(RangeError);
    expect(() => semaphore.tryAcquire({ flow: 'a', weight: 5 })).toThrow(RangeError);
    expect(semaphore.tryAcquire({ flow: 'b', weight: 5 })).toBeDefined();
  });

  it('serves the next of the flow when its heavy head leaves', async () => {
    const semaphore = sharing(9, { a: { max: 2 } });
    take(semaphore, 1, 'a');
    const controller = new AbortController();
    const heavy = watch(semaphore.acquire({ flow: 'a', weight: 2, signal: controller.signal }));
    const light = watch(semaphore.acquire({ flow: 'a' }));
    await turn();
    expect(states([heavy, light])).toEqual(['pending', 'pending']);
    controller.abort();
    await turn();
    expect(states([heavy, light])).toEqual(['rejected', 'fulfilled']);
  });

  it('bounds a call without options, whose flow is the empty string', () => {
    const semaphore = sharing(4, { '': { max: 1 } });
    expect(semaphore.tryAcquire()).toBeDefined();
    expect(semaphore.tryAcquire()).toBeUndefined();
  });

  it.each(['close', 'clear'] as const)('leaves no waiter after %s', async (end) => {
    const semaphore = sharing(4, { a: { max: 1 } });
    const [held] = take(semaphore, 1, 'a');
    const waiting = watch(semaphore.acquire({ flow: 'a' }));
    semaphore[end]();
    await turn();
    expect([waiting.state, semaphore.waiting]).toEqual(['rejected', 0]);
    held?.release();
    await semaphore.idle();
  });

  it('holds during a pause and after a larger limit', async () => {
    const semaphore = sharing(2, { a: { max: 2 } });
    semaphore.pause();
    const waits = [1, 2, 3].map(() => watch(semaphore.acquire({ flow: 'a' })));
    await turn();
    expect(states(waits)).toEqual(['pending', 'pending', 'pending']);
    semaphore.resize(9);
    semaphore.resume();
    await turn();
    expect(states(waits)).toEqual(['fulfilled', 'fulfilled', 'pending']);
  });

  it('saves no credit while it has no turn', async () => {
    const order = { name: 'fair', share: () => 3, shares: { a: { max: 6 } } } as const;
    const semaphore = new Semaphore(7, { order });
    const held = [...take(semaphore, 6, 'a'), ...take(semaphore, 1, 'b')];
    const capped = Array.from({ length: 20 }, () => semaphore.acquire({ flow: 'a' }));
    // In each turn the flow gets one permit of three, and is at its maximum again.
    for (const next of capped.slice(0, 5)) {
      held.shift()?.release();
      held.push(await next);
    }
    semaphore.pause();
    for (const permit of held) permit.release();
    const b = [1, 2, 3].map(() => watch(semaphore.acquire({ flow: 'b' })));
    semaphore.resume();
    await turn();
    expect(states(b)).toEqual(['fulfilled', 'fulfilled', 'fulfilled']);
  });

  it('does not slow down the measured rate of other flows', () => {
    const clock = new FakeClock();
    const semaphore = sharing(2, { crawler: { max: 1 } }, { clock });
    take(semaphore, 1, 'crawler');
    const stuck = watch(semaphore.acquire({ flow: 'crawler' }));
    for (let call = 0; call < 100; call++) {
      const [user] = take(semaphore, 1, 'user');
      clock.advance(10);
      user?.release();
    }
    expect(semaphore.stats().releasesPerSecond).toBeGreaterThan(50);
    expect(stuck.state).toBe('pending');
  });
});

describe('shares', () => {
  it('work for each key of a KeyedSemaphore', () => {
    const keyed = new KeyedSemaphore(() => sharing(4, { a: { max: 1 } }));
    expect(keyed.tryAcquire('x', { flow: 'a' })).toBeDefined();
    expect(keyed.tryAcquire('x', { flow: 'a' })).toBeUndefined();
    expect(keyed.tryAcquire('y', { flow: 'a' })).toBeDefined();
  });

  it.each([false, true])('bound an AdaptiveSemaphore with dryRun %s only in earnest', (dryRun) => {
    const order = { name: 'fair', shares: { a: { max: 1 } } } as const;
    const adaptive = new AdaptiveSemaphore({ algorithm: aimd(), dryRun, order });
    expect(adaptive.tryAcquire({ flow: 'a' })).toBeDefined();
    expect(adaptive.tryAcquire({ flow: 'a' }) !== undefined).toBe(dryRun);
  });

  it.each<[object, string]>([
    [{ a: { min: 2 }, b: { min: 3 } }, 'min of all shares must be at most permits (4), got 5'],
    [{ a: { min: 3, max: 2 } }, 'max must be an integer of at least 3, got 2'],
    [{ a: { max: 0 } }, 'max must be an integer of at least 1, got 0'],
    [{ a: { min: -1 } }, 'min must be an integer of at least 0, got -1'],
    [{ a: 3 }, 'shares.a must be an object, got 3'],
  ])('are checked by the constructor: %j', (shares, message) => {
    expect(() => sharing(4, shares as Shares)).toThrow(message);
  });

  it('are read once', () => {
    const shares = { a: { max: 1 } };
    const semaphore = sharing(4, shares);
    shares.a.max = 4;
    take(semaphore, 1, 'a');
    expect(semaphore.tryAcquire({ flow: 'a' })).toBeUndefined();
  });
});
