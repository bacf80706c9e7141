import assert from 'node:assert/strict';
import { KeyedSemaphore, Semaphore, withSemaphore } from 'express-semaphore';
import { AdaptiveSemaphore } from 'express-semaphore/adaptive';
import type { AcquireOptions, LimiterStats } from 'express-semaphore';
import fc from 'fast-check';
import { SEED, STEPS } from './check-histories';

/** One way to work with a permit. */
interface Place {
  work(work: () => Promise<void>, options: AcquireOptions): Promise<void>;
  stats(): Omit<LimiterStats, 'permits' | 'available' | 'releasesPerSecond'>;
}

const PLACES: [name: string, make: (permits: number) => Place][] = [
  [
    'run',
    (permits) => {
      const semaphore = new Semaphore(permits);
      return { work: (work, options) => semaphore.run(work, options), stats: () => semaphore.stats() };
    },
  ],
  [
    'run of a limit that adapts',
    (permits) => {
      const semaphore = new AdaptiveSemaphore({ algorithm: { initial: permits, next: () => permits } });
      return { work: (work, options) => semaphore.run(work, options), stats: () => semaphore.stats() };
    },
  ],
  [
    'withSemaphore',
    (permits) => {
      const semaphore = new Semaphore(permits);
      return {
        work: (work, options) => withSemaphore(semaphore, options)(work)(),
        stats: () => semaphore.stats(),
      };
    },
  ],
  [
    'a key',
    (permits) => {
      const keyed = new KeyedSemaphore(() => new Semaphore(permits));
      return {
        async work(work, options) {
          const permit = await keyed.acquire('a', options);
          await work().finally(() => {
            permit.release();
          });
        },
        stats: () => keyed.stats(),
      };
    },
  ],
];

const workers = fc.array(
  fc.record({ weight: fc.integer({ min: 1, max: 2 }), leaves: fc.boolean(), fails: fc.boolean() }),
  { minLength: 1, maxLength: 8 },
);

describe(`workers that continue in any order (SEED=${SEED})`, () => {
  it.each(PLACES)('never exceed the permits, and all of them run: %s', async (_name, make) => {
    const property = fc.asyncProperty(fc.scheduler(), workers, async (scheduler, all) => {
      const permits = 2;
      const place = make(permits);
      let inside = 0;

      async function pause(what: string): Promise<void> {
        await scheduler.schedule(Promise.resolve(), what);
      }

      async function come({ weight, leaves, fails }: { weight: number; leaves: boolean; fails: boolean }) {
        const leaving = new AbortController();
        await pause('come');
        if (leaves)
          void pause('leave').then(() => {
            leaving.abort();
          });
        const work = async () => {
          inside += weight;
          assert(inside <= permits, `${inside} of ${permits} permits are out`);
          await pause('work');
          await pause('work on');
          inside -= weight;
          if (fails) throw new Error('work failed');
        };
        await place.work(work, { weight, signal: leaving.signal }).catch((error: unknown) => {
          if (error instanceof assert.AssertionError) throw error;
        });
      }

      await scheduler.waitFor(Promise.all(all.map(come)));
      const { held, waiting, acquired, aborted } = place.stats();
      assert.deepEqual([held, waiting, acquired + aborted], [0, 0, all.length]);
    });
    await fc.assert(property, { seed: SEED, numRuns: Math.ceil(STEPS / 500) });
  });
});
