import { Semaphore } from 'express-semaphore';
import type { AcquireOptions } from 'express-semaphore';
import { Random } from '../../bench/sim/random';
import { FakeClock } from 'express-semaphore/testing';
import { states, turn, watch } from '../helpers/watch';

/** Lets promises settle that depend on each other. */
async function settle(): Promise<void> {
  for (let turns = 0; turns < 8; turns++) await Promise.resolve();
}

/** Lets time pass in steps of 1 ms at most where timers are due, so that what they cause happens at its moment. */
async function pass(clock: FakeClock, ms: number, stepMs: number): Promise<void> {
  for (let left = ms; left > 0; left -= stepMs) {
    clock.advance(Math.min(stepMs, left));
    await settle();
  }
}

interface Load {
  readonly permits: number;
  readonly maxWaitMs: number;
  readonly load: number;
  readonly seed: number;
}

const HOLD_MS = 100;

/** Number of callers served out of 2,000 that arrive at random, with `maxWaitMs` or with a plain time limit. */
async function served({ permits, maxWaitMs, load, seed }: Load, isPredicting: boolean): Promise<number> {
  const random = new Random(seed);
  const clock = new FakeClock();
  const semaphore = new Semaphore(permits, { clock });
  let count = 0;
  for (let arrival = 0; arrival < 2_000; arrival++) {
    await pass(clock, Math.round(random.exponential(HOLD_MS / permits / load)), 5);
    const holdMs = Math.round(HOLD_MS * (0.8 + 0.4 * random.next()));
    const leaving = new AbortController();
    const options: AcquireOptions = isPredicting ? { maxWaitMs } : { signal: leaving.signal };
    if (!isPredicting)
      clock.setTimer(() => {
        leaving.abort();
      }, maxWaitMs);
    semaphore.acquire(options).then(
      (permit) => {
        count++;
        clock.setTimer(permit.release, holdMs);
      },
      () => undefined,
    );
    await settle();
  }
  return count;
}

describe('the expected wait', () => {
  it.each<Load>(
    [7, 42].flatMap((seed) =>
      [0.8, 1.2].flatMap((load) => [
        { permits: 1, maxWaitMs: 150, load, seed },
        { permits: 1, maxWaitMs: 300, load, seed },
        { permits: 2, maxWaitMs: 100, load, seed },
        { permits: 5, maxWaitMs: 40, load, seed },
        { permits: 10, maxWaitMs: 30, load, seed },
        { permits: 10, maxWaitMs: 100, load, seed },
      ]),
    ),
  )('loses at most 1 % of the callers that a plain time limit serves: %j', async (load) => {
    expect(await served(load, true)).toBeGreaterThanOrEqual(0.99 * (await served(load, false)));
  });

  it('forgets a slow spell after a silence of one holding time', async () => {
    const clock = new FakeClock();
    const semaphore = new Semaphore(10, { clock });
    let count = 0;
    const call = (holdMs: number) => {
      semaphore.acquire({ maxWaitMs: 100 }).then(
        (permit) => {
          count++;
          clock.setTimer(permit.release, holdMs);
        },
        () => undefined,
      );
    };
    for (let n = 0; n < 150; n++) {
      call(300);
      await pass(clock, 20, 5);
    }
    await pass(clock, 1_000, 10);
    count = 0;
    for (let n = 0; n < 100; n++) call(5);
    await pass(clock, 1_000, 5);
    expect(count).toBe(100);
  });

  it('rejects low priorities on arrival that higher ones leave no time for, and serves as many of them', async () => {
    const plain = await lowPriorities(false);
    const predicting = await lowPriorities(true);
    expect(plain.inVain).toBeGreaterThan(0.7 * plain.count);
    expect(predicting.inVain).toBeLessThan(0.15 * predicting.count);
    expect(predicting.served).toBeGreaterThan(plain.served - 0.01 * plain.count);
  });

  it('does not take a queue of higher priorities alone for a limiter that serves no others', async () => {
    const clock = new FakeClock();
    const semaphore = new Semaphore(1, { clock, order: 'priority' });
    let held = await semaphore.acquire();
    // One of ten arrivals finds a waiter of its level.
    for (let n = 0; n < 100; n++) {
      const waits = n % 10 === 0 ? [1, 2] : [1];
      const next = waits.map(() => semaphore.acquire({ priority: 5 }));
      for (const waiting of next) {
        clock.advance(10);
        held.release();
        held = await waiting;
      }
    }
    const waits = [5, 0].map((priority) => watch(semaphore.acquire({ priority, maxWaitMs: 100 })));
    await turn();
    expect(states(waits)).toEqual(['pending', 'pending']);
    held.release();
  });
});

/** What becomes of callers of priority 0, half of the capacity, beside 90 % of it of priority 10. Holds last 10 ms. */
async function lowPriorities(isPredicting: boolean) {
  const random = new Random(11);
  const clock = new FakeClock();
  const semaphore = new Semaphore(10, { clock, order: 'priority' });
  const low = { count: 0, served: 0, inVain: 0 };
  for (let now = 0; now < 4_000; now++) {
    for (let due = random.exponential(1); due < 1.4; due += random.exponential(1)) {
      const priority = random.next() < 9 / 14 ? 10 : 0;
      const count = (end: 'count' | 'served' | 'inVain') => (priority === 0 ? low[end]++ : 0);
      const since = clock.now();
      const leaving = new AbortController();
      const wait = isPredicting ? { maxWaitMs: 100 } : { signal: leaving.signal };
      if (!isPredicting)
        clock.setTimer(() => {
          leaving.abort();
        }, 100);
      count('count');
      semaphore.acquire({ priority, ...wait }).then(
        (permit) => {
          count('served');
          clock.setTimer(permit.release, 10);
        },
        () => (clock.now() > since ? count('inVain') : 0),
      );
    }
    await settle();
    clock.advance(1);
    await settle();
  }
  return low;
}
