// What a line costs: 1,000 tasks stand before 4 permits, and each awaits one resolved promise.
import { getSemaphore } from '@henrygd/semaphore';
import { Semaphore as MutexSemaphore } from 'async-mutex';
import { Sema } from 'async-sema';
import { bulkhead } from 'cockatiel';
import { Semaphore } from 'express-semaphore';
import pLimit from 'p-limit';
import { compare, interleave, median, report, smoke, time } from './harness.mjs';

const TASKS = 1_000;
const PERMITS = 4;
const REPEATS = smoke ? 1 : 100;
const ROUNDS = 15;

const semaphore = new Semaphore(PERMITS);
const sema = new Sema(PERMITS);
const mutexSemaphore = new MutexSemaphore(PERMITS);
const limited = pLimit(PERMITS);
const policy = bulkhead(PERMITS, Infinity);
const henrygd = getSemaphore('contended', PERMITS);

const resolved = Promise.resolve();
const task = async () => {
  await resolved;
};

const samples = await interleave(
  {
    'express-semaphore': usAll(async () => {
      const permit = await semaphore.acquire();
      try {
        await resolved;
      } finally {
        permit.release();
      }
    }),
    'express-semaphore run': usAll(() => semaphore.run(task)),
    'async-sema': usAll(async () => {
      await sema.acquire();
      try {
        await resolved;
      } finally {
        sema.release();
      }
    }),
    'async-mutex': usAll(async () => {
      const [, release] = await mutexSemaphore.acquire();
      try {
        await resolved;
      } finally {
        release();
      }
    }),
    'async-mutex runExclusive': usAll(() => mutexSemaphore.runExclusive(task)),
    'p-limit': usAll(() => limited(task)),
    'cockatiel bulkhead': usAll(() => policy.execute(task)),
    '@henrygd/semaphore': usAll(async () => {
      await henrygd.acquire();
      try {
        await resolved;
      } finally {
        henrygd.release();
      }
    }),
  },
  ROUNDS,
);

const RIVALS = ['async-sema', 'async-mutex', 'async-mutex runExclusive', 'p-limit'];
const fastest = RIVALS.reduce((a, b) => (median(samples[a]) <= median(samples[b]) ? a : b));
report(
  `Contended: 1,000 tasks, 4 permits; ratio to ${fastest}`,
  'µs for all',
  compare(samples, fastest, { 'express-semaphore': '<= 1' }),
);

/** Microseconds until all tasks are done, the mean of some repeats; as many before them let the heap grow again. */
function usAll(start) {
  const repeat = async () => {
    for (let i = 0; i < REPEATS; i++) await Promise.all(Array.from({ length: TASKS }, start));
  };
  return async () => {
    await repeat();
    return ((await time(repeat)) * 1e3) / REPEATS;
  };
}
