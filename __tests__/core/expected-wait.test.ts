import { Semaphore } from 'express-semaphore';
import type { AcquireOptions } from 'express-semaphore';
import { Random } from '../../bench/sim/random';
import { FakeClock } from 'express-semaphore/testing';

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
}

const HOLD_MS = 100;

/** Number of callers served out of 2,000 that arrive at random, with `maxWaitMs` or with a plain time limit. */
async function served({ permits, maxWaitMs, load }: Load, isPredicting: boolean): Promise<number> {
  const random = new Random(42);
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
    [0.8, 1.2].flatMap((load) => [
      { permits: 1, maxWaitMs: 150, load },
      { permits: 2, maxWaitMs: 100, load },
      { permits: 5, maxWaitMs: 40, load },
      { permits: 10, maxWaitMs: 30, load },
    ]),
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
});
