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

interface RandomLoad {
  readonly permits: number;
  readonly maxWaitMs: number;
  readonly load: number;
  readonly seed: number;
}

const HOLD_MS = 100;

/** Number of callers served out of 2,000 that arrive at random, with `maxWaitMs` or with a plain time limit. */
async function served(
  { permits, maxWaitMs, load, seed }: RandomLoad,
  isPredicting: boolean,
): Promise<number> {
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
  it.each<RandomLoad>(
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

  // The queue is empty 100 ms after the last arrival, and a permit is held for 300 ms.
  it.each([
    [200, 98],
    [1_000, 100],
  ])('forgets a slow spell after a silence, %i ms later', async (silenceMs, served) => {
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
    await pass(clock, silenceMs, 10);
    count = 0;
    for (let n = 0; n < 100; n++) call(5);
    await pass(clock, 1_000, 5);
    expect(count).toBeGreaterThanOrEqual(served);
  });

  it('rejects low priorities on arrival that higher ones leave no time for, and serves as many of them', async () => {
    const [plain, predicting] = [await outcomes(PRIORITIES, false), await outcomes(PRIORITIES, true)];
    expect(plain.low.inVain).toBeGreaterThan(0.7 * plain.low.count);
    expect(predicting.low.inVain).toBeLessThan(0.07 * predicting.low.count);
    expect(predicting.low.served).toBeGreaterThan(plain.low.served - 0.01 * plain.low.count);
  });

  it.each([5, 8])(
    'serves as many calls and permits as a plain time limit where one in five weighs %i',
    async (weight) => {
      const load: Load = { permits: 10, perMs: 14 / (0.8 + 0.2 * weight) / 10, weight };
      const [plain, predicting] = [await outcomes(load, false), await outcomes(load, true)];
      expect(predicting.all.served).toBeGreaterThan(plain.all.served - 0.01 * plain.all.count);
      const permitsOf = ({ all, low }: typeof plain) => all.served + (weight - 1) * low.served;
      expect(permitsOf(predicting)).toBeGreaterThan(0.99 * permitsOf(plain));
      expect(predicting.all.inVain).toBeLessThan(0.5 * plain.all.inVain);
    },
  );

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

interface Load {
  readonly permits: number;
  /** Arrivals in a millisecond. */
  readonly perMs: number;
  /** Weight of one in five. */
  readonly weight?: number;
  /** Part of the callers of high priority. */
  readonly high?: number;
}

/** 90 % of the capacity is of priority 10, half of it of priority 0. */
const PRIORITIES: Load = { permits: 10, perMs: 1.4, high: 9 / 14 };

/** What becomes of callers that wait 100 ms at most and hold for 10 ms. "Low" are those of priority 0, or the heavy. */
async function outcomes({ permits, perMs, weight: heavy, high = 0 }: Load, isPredicting: boolean) {
  const random = new Random(11);
  const clock = new FakeClock();
  const semaphore = new Semaphore(permits, { clock, order: 'priority' });
  const all = { count: 0, served: 0, inVain: 0 };
  const low = { ...all };
  const call = () => {
    const priority = random.next() < high ? 10 : 0;
    const weight = heavy !== undefined && random.next() < 0.2 ? heavy : 1;
    const counts = (heavy === undefined ? priority === 0 : weight > 1) ? [all, low] : [all];
    const count = (end: keyof typeof all) => {
      for (const each of counts) each[end]++;
    };
    const since = clock.now();
    const leaving = new AbortController();
    if (!isPredicting)
      clock.setTimer(() => {
        leaving.abort();
      }, 100);
    count('count');
    semaphore
      .acquire({ priority, weight, ...(isPredicting ? { maxWaitMs: 100 } : { signal: leaving.signal }) })
      .then(
        (permit) => {
          count('served');
          clock.setTimer(permit.release, 10);
        },
        () => {
          if (clock.now() > since) count('inVain');
        },
      );
  };
  for (let now = 0; now < 4_000; now++) {
    for (let due = random.exponential(1); due < perMs; due += random.exponential(1)) call();
    await settle();
    clock.advance(1);
    await settle();
  }
  return { all, low };
}
