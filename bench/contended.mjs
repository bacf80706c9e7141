// Cost of a queue: 1,000 tasks compete for 4 permits, and each awaits one resolved promise.
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
    'express-semaphore': microsecondsOf(async () => {
      const permit = await semaphore.acquire();
      try {
        await resolved;
      } finally {
        permit.release();
      }
    }),
    'express-semaphore run': microsecondsOf(() => semaphore.run(task)),
    'async-sema': microsecondsOf(async () => {
      await sema.acquire();
      try {
        await resolved;
      } finally {
        sema.release();
      }
    }),
    'async-mutex': microsecondsOf(async () => {
      const [, release] = await mutexSemaphore.acquire();
      try {
        await resolved;
      } finally {
        release();
      }
    }),
    'async-mutex runExclusive': microsecondsOf(() => mutexSemaphore.runExclusive(task)),
    'p-limit': microsecondsOf(() => limited(task)),
    'cockatiel bulkhead': microsecondsOf(() => policy.execute(task)),
    '@henrygd/semaphore': microsecondsOf(async () => {
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

const PEERS = ['async-sema', 'async-mutex', 'async-mutex runExclusive', 'p-limit'];
const fastest = PEERS.reduce((a, b) => (median(samples[a]) <= median(samples[b]) ? a : b));
report(
  `Contended: 1,000 tasks, 4 permits; ratio to ${fastest}`,
  'µs for all',
  compare(samples, fastest, { 'express-semaphore': '<= 1' }),
);

/** Measures the microseconds until all tasks are done: the mean of `REPEATS`. As many unmeasured ones warm up the heap. */
function microsecondsOf(start) {
  const repeat = async () => {
    for (let i = 0; i < REPEATS; i++) await Promise.all(Array.from({ length: TASKS }, start));
  };
  return async () => {
    await repeat();
    return ((await time(repeat)) * 1e3) / REPEATS;
  };
}
