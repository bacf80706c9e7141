import { KeyedSemaphore, QueueFullError, Semaphore, WaitTooLongError } from 'express-semaphore';
import type { Order, Permit } from 'express-semaphore';
import { FakeClock } from 'express-semaphore/testing';
import { states, turn, watch } from '../helpers/watch';

describe('a Semaphore', () => {
  it('evicts the oldest of a full queue in the order lifo', async () => {
    const semaphore = new Semaphore(1, { queueLimit: 2, order: 'lifo' });
    const held = semaphore.tryAcquire();
    const waits = [1, 2, 3].map(() => watch(semaphore.acquire()));
    await turn();
    expect(states(waits)).toEqual(['rejected', 'pending', 'pending']);
    expect(waits[0]?.reason).toBeInstanceOf(QueueFullError);
    held?.release();
    await turn();
    expect(states(waits)).toEqual(['rejected', 'pending', 'fulfilled']);
  });

  it('rejects the newcomer of lifo with a queueLimit of 0', async () => {
    const semaphore = new Semaphore(1, { queueLimit: 0, order: 'lifo' });
    semaphore.tryAcquire();
    await expect(semaphore.acquire()).rejects.toThrow(QueueFullError);
  });

  it('rejects the late waiters of adaptive-lifo, on an arrival and on a grant', async () => {
    const clock = new FakeClock();
    const semaphore = new Semaphore(1, { order: 'adaptive-lifo', clock });
    const held = semaphore.tryAcquire();
    const waits = [watch(semaphore.acquire()), watch(semaphore.acquire())];
    clock.advance(100);
    waits.push(watch(semaphore.acquire()));
    await turn();
    expect(states(waits)).toEqual(['rejected', 'rejected', 'pending']);
    expect(waits[0]?.reason).toBeInstanceOf(WaitTooLongError);
    expect(waits[0]?.reason).toHaveProperty('message', 'the wait was too long');
    clock.advance(3);
    waits.push(watch(semaphore.acquire()));
    clock.advance(4);
    held?.release();
    await turn();
    expect(states(waits)).toEqual(['rejected', 'rejected', 'rejected', 'fulfilled']);
    expect(semaphore.stats().rejected.ERR_SEMAPHORE_WAIT_TOO_LONG).toBe(3);
  });

  it('keeps reserved permits for the top priority, and at least one for the others', () => {
    const semaphore = new Semaphore(3, { order: { name: 'priority', reserved: 2 } });
    expect(semaphore.tryAcquire({ priority: 99 })).toBeDefined();
    expect(semaphore.tryAcquire({ priority: 99 })).toBeUndefined();
    expect(semaphore.tryAcquire({ priority: 100, weight: 2 })).toBeDefined();
    semaphore.resize(1);
    expect(new Semaphore(1, { order: { name: 'priority', reserved: 2 } }).tryAcquire()).toBeDefined();
  });

  it('grants a reserved permit at once past lower waiters, also to tryAcquire', async () => {
    const semaphore = new Semaphore(2, { order: { name: 'priority', reserved: 1 } });
    semaphore.tryAcquire();
    const waiting = watch(semaphore.acquire());
    const health = await semaphore.acquire({ priority: 100, maxWaitMs: 0 });
    await turn();
    expect([waiting.state, semaphore.held]).toEqual(['pending', 2]);
    health.release();
    await turn();
    expect([waiting.state, semaphore.held]).toEqual(['pending', 1]);
  });

  it('rejects a weight that never fits without the reserved permits', async () => {
    const semaphore = new Semaphore(3, { order: { name: 'priority', reserved: 1 } });
    await expect(semaphore.acquire({ weight: 3 })).rejects.toThrow(
      'weight must be at most permits (2), got 3',
    );
    expect((await semaphore.acquire({ weight: 3, priority: 100 })).weight).toBe(3);
  });

  it.each<[unknown, ErrorConstructor, string]>([
    ['random', RangeError, 'order must be fifo, lifo, adaptive-lifo, priority or fair, got "random"'],
    [7, TypeError, 'order must be fifo, lifo, adaptive-lifo, priority or fair, got 7'],
    [null, TypeError, 'order must be fifo, lifo, adaptive-lifo, priority or fair, got null'],
    [{}, TypeError, 'order.name must be fifo, lifo, adaptive-lifo, priority or fair, got undefined'],
    [
      { name: 'priority', ageMs: -1 },
      RangeError,
      'ageMs must be 0 to 2147483647 milliseconds or Infinity, got -1',
    ],
    [{ name: 'priority', reserved: 0.5 }, RangeError, 'reserved must be an integer of at least 0, got 0.5'],
    [{ name: 'adaptive-lifo', targetMs: '5' }, TypeError, 'targetMs must be a number, got "5"'],
    [{ name: 'fair', share: 2 }, TypeError, 'share must be a function, got 2'],
    [
      { name: 'adaptive-lifo', intervalMs: -1 },
      RangeError,
      'intervalMs must be 0 to 2147483647 milliseconds or Infinity, got -1',
    ],
  ])('rejects the order %j', (order, kind, message) => {
    const make = () => new Semaphore(1, { order: order as Order });
    expect(make).toThrow(kind);
    expect(make).toThrow(message);
  });

  it("uses the flow '' where none is given", async () => {
    const flows: string[] = [];
    const share = (flow: string) => flows.push(flow);
    const semaphore = new Semaphore(0, { order: { name: 'fair', share } });
    const waits = [semaphore.acquire(), semaphore.acquire({ flow: '' }), semaphore.acquire({ flow: 'a' })];
    semaphore.resize(3);
    await Promise.all(waits);
    expect(flows).toEqual(['', 'a']);
  });

  it('rejects a bad priority, flow and share', async () => {
    const semaphore = new Semaphore(1, { order: { name: 'fair', share: () => 0 } });
    semaphore.tryAcquire();
    await expect(semaphore.acquire({ priority: 101 })).rejects.toThrow(
      'priority must be an integer from -100 to 100, got 101',
    );
    await expect(semaphore.acquire({ flow: 1 as unknown as string })).rejects.toThrow(
      'flow must be a string, got 1',
    );
    await expect(semaphore.acquire()).rejects.toThrow(
      'what share returns must be an integer of at least 1, got 0',
    );
    expect(semaphore.waiting).toBe(0);
  });

  it('keeps neither place nor timer nor count of one whose share is bad', async () => {
    const clock = new FakeClock();
    const order: Order = { name: 'fair', share: () => 0 };
    const keyed = new KeyedSemaphore(() => new Semaphore(1, { clock, order }), { clock });
    const permit = await keyed.acquire('a');
    await expect(keyed.acquire('a', { maxWaitMs: 5 })).rejects.toThrow('what share returns');
    expect(keyed.stats()).toMatchObject({ held: 1, waiting: 0 });
    expect(clock.timers).toBe(0);
    permit.release();
    await keyed.idle();
  });
});

describe('the expected wait', () => {
  /** A semaphore whose permits are each held for 100 ms, with a waiter for each permit while it is warmed up. */
  async function measured(
    permits: number,
    order: Order = 'fifo',
  ): Promise<{ semaphore: Semaphore; clock: FakeClock; held: Permit[] }> {
    const clock = new FakeClock();
    const semaphore = new Semaphore(permits, { clock, order });
    let held = await Promise.all(Array.from({ length: permits }, () => semaphore.acquire()));
    for (let round = 0; round < 10; round++) {
      const next = held.map(() => semaphore.acquire());
      clock.advance(100);
      for (const permit of held) permit.release();
      held = await Promise.all(next);
    }
    return { semaphore, clock, held };
  }

  it('rejects on arrival a caller that cannot be served in time, and no caller before it', async () => {
    const { semaphore } = await measured(10);
    // A hundred a second: within 200 ms twenty are served, and by chance a standard deviation more, which is 4.
    const waits = Array.from({ length: 30 }, () => watch(semaphore.acquire({ maxWaitMs: 200 })));
    await turn();
    expect(states(waits)).toEqual([
      ...Array<string>(25).fill('pending'),
      ...Array<string>(5).fill('rejected'),
    ]);
    expect(waits[25]?.reason).toBeInstanceOf(WaitTooLongError);
    expect(waits[25]?.reason).toMatchObject({
      message: 'the expected wait is too long',
      retryAfterMs: 260,
      code: 'ERR_SEMAPHORE_WAIT_TOO_LONG',
    });
  });

  it('lets everybody wait while there is no measurement', async () => {
    const semaphore = new Semaphore(1, { clock: new FakeClock() });
    semaphore.tryAcquire();
    const waits = Array.from({ length: 1_000 }, () => watch(semaphore.acquire({ maxWaitMs: 1 })));
    await turn();
    expect(new Set(states(waits))).toEqual(new Set(['pending']));
  });

  it('lets everybody wait for the end of a pause, which counts for nothing afterwards', async () => {
    const clock = new FakeClock();
    const semaphore = new Semaphore(0, { clock });
    const waits: ReturnType<typeof watch<Permit>>[] = [];
    const come = () => {
      for (let count = 0; count < 2; count++) waits.push(watch(semaphore.acquire({ maxWaitMs: 60_000 })));
      clock.advance(10_000);
    };
    come();
    come();
    semaphore.resize(2);
    come();
    await turn();
    expect(states(waits)).toEqual([
      ...Array<string>(2).fill('fulfilled'),
      ...Array<string>(4).fill('pending'),
    ]);
  });

  it('lets the first waiter wait, however slow the service was', async () => {
    const { semaphore } = await measured(1);
    const waits = [1, 2].map(() => watch(semaphore.acquire({ maxWaitMs: 1 })));
    await turn();
    expect(states(waits)).toEqual(['pending', 'rejected']);
  });

  it('lets a caller that would be the head wait, however slow the service was', async () => {
    const { semaphore } = await measured(1, 'lifo');
    const waits = [1, 2, 3].map(() => watch(semaphore.acquire({ maxWaitMs: 1 })));
    await turn();
    expect(states(waits)).toEqual(['pending', 'pending', 'pending']);
  });

  it('learns of a stall while it lasts, and forgets it within a second after', async () => {
    const { semaphore, clock, held } = await measured(10);
    const waiting = semaphore.acquire();
    for (let second = 0; second < 10; second++) {
      clock.advance(1_000);
      semaphore.stats();
    }
    await expect(semaphore.acquire({ maxWaitMs: 1_000 })).rejects.toThrow(WaitTooLongError);

    let now = held;
    const stallEnd = clock.now();
    const rejectedAt: number[] = [];
    while (clock.now() < stallEnd + 3_000) {
      const next = now.map(() =>
        semaphore.acquire({ maxWaitMs: 1_000 }).catch(() => {
          rejectedAt.push(clock.now());
          return undefined;
        }),
      );
      for (const permit of now) permit.release();
      clock.advance(100);
      now = (await Promise.all(next)).filter((permit) => permit !== undefined);
      if (now.length === 0) now = [await semaphore.acquire()];
    }
    expect(Math.max(stallEnd, ...rejectedAt)).toBeLessThan(stallEnd + 1_000);
    (await waiting).release();
  });

  it('does not take a low load for a slow limiter', async () => {
    const clock = new FakeClock();
    const semaphore = new Semaphore(10, { clock });
    // One a second, though a hundred could be served.
    for (let second = 0; second < 20; second++) {
      const permit = await semaphore.acquire();
      clock.advance(100);
      permit.release();
      clock.advance(900);
    }
    const burst = Array.from({ length: 30 }, () => watch(semaphore.acquire({ maxWaitMs: 250 })));
    await turn();
    expect(states(burst)).not.toContain('rejected');
  });
});
