// Cost of a permit when one is free: acquired and released, one after another.
import { getSemaphore } from '@henrygd/semaphore';
import { Semaphore as MutexSemaphore } from 'async-mutex';
import { Sema } from 'async-sema';
import { bulkhead } from 'cockatiel';
import { Semaphore } from 'express-semaphore';
import pLimit from 'p-limit';
import { compare, interleave, isMet, report, smoke, time } from './harness.mjs';

const PAIRS = smoke ? 1_000 : 1_000_000;
const ROUNDS = 9;

const semaphore = new Semaphore(4);
const sema = new Sema(4);
const mutexSemaphore = new MutexSemaphore(4);
const limited = pLimit(4);
const policy = bulkhead(4, Infinity);
const henrygd = getSemaphore('uncontended', 4);
const noop = () => undefined;

const samples = await interleave(
  {
    'express-semaphore tryAcquire + release': nanosecondsAPair(() => {
      for (let i = 0; i < PAIRS; i++) semaphore.tryAcquire().release();
    }),
    'express-semaphore await acquire + release': nanosecondsAPair(async () => {
      for (let i = 0; i < PAIRS; i++) (await semaphore.acquire()).release();
    }),
    'async-sema': nanosecondsAPair(async () => {
      for (let i = 0; i < PAIRS; i++) {
        await sema.acquire();
        sema.release();
      }
    }),
    'async-mutex': nanosecondsAPair(async () => {
      for (let i = 0; i < PAIRS; i++) {
        const [, release] = await mutexSemaphore.acquire();
        release();
      }
    }),
    'p-limit': nanosecondsAPair(async () => {
      for (let i = 0; i < PAIRS; i++) await limited(noop);
    }),
    'cockatiel bulkhead': nanosecondsAPair(async () => {
      for (let i = 0; i < PAIRS; i++) await policy.execute(noop);
    }),
    '@henrygd/semaphore': nanosecondsAPair(async () => {
      for (let i = 0; i < PAIRS; i++) {
        await henrygd.acquire();
        henrygd.release();
      }
    }),
  },
  ROUNDS,
);

const [ours] = Object.keys(samples);
report(
  'Uncontended: one permit acquired and released; ratio to async-sema',
  'ns a pair',
  compare(samples, 'async-sema').map((row) =>
    row.subject === ours
      ? { ...row, target: '<= 20 ns, <= 0.3', met: isMet(row.figure, '<= 20') && isMet(row.ratio, '<= 0.3') }
      : row,
  ),
);

function nanosecondsAPair(work) {
  return async () => ((await time(work)) * 1e6) / PAIRS;
}
