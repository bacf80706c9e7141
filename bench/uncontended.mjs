// Cost of a permit when one is free: acquired and released, one after another. The second table compares our limiters,
// the third shows that a feature costs only the limiter that uses it.
import { getSemaphore } from '@henrygd/semaphore';
import { Semaphore as MutexSemaphore } from 'async-mutex';
import { Sema } from 'async-sema';
import { bulkhead } from 'cockatiel';
import { chain, KeyedSemaphore, Semaphore } from 'express-semaphore';
import { AdaptiveSemaphore } from 'express-semaphore/adaptive';
import { setTimeout as sleep } from 'node:timers/promises';
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

const keyed = new KeyedSemaphore(() => new Semaphore(4));
const busy = new KeyedSemaphore(() => new Semaphore(4));
const adaptive = new AdaptiveSemaphore();
// So that the key of the pairs below never falls idle.
busy.tryAcquire('key');
// The load of an event loop is unknown before its first turn, and the replacement is far slower.
await sleep(1);

report(
  'Our limiters: one permit acquired with tryAcquire and released; ratio to a Semaphore',
  'ns a pair',
  compare(
    await interleave(
      {
        Semaphore: nanosecondsAPair(async () => {
          for (let i = 0; i < PAIRS; i++) await release(semaphore.tryAcquire());
        }),
        'KeyedSemaphore, busy key': nanosecondsAPair(async () => {
          for (let i = 0; i < PAIRS; i++) await release(busy.tryAcquire('key'));
        }),
        'KeyedSemaphore, key that falls idle': nanosecondsAPair(async () => {
          for (let i = 0; i < PAIRS; i++) await release(keyed.tryAcquire('key'));
        }),
        AdaptiveSemaphore: nanosecondsAPair(async () => {
          for (let i = 0; i < PAIRS; i++) await release(adaptive.tryAcquire());
        }),
      },
      ROUNDS,
    ),
    'Semaphore',
    {
      'KeyedSemaphore, busy key': '<= 2.5',
      'KeyedSemaphore, key that falls idle': '<= 2.5',
      AdaptiveSemaphore: '<= 2.5',
    },
  ),
);

const controlled = new Semaphore(4);
controlled.pause();
controlled.update({ queueLimit: 100, maxWaitMs: 1_000 });
controlled.clear();
controlled.resume();
controlled.tryAcquire({ weight: 2 }).split(1).release();
const perUser = new KeyedSemaphore(() => new Semaphore(4));
perUser.pause();
perUser.resume();
const oneUser = perUser.for('key');
// So that the key never falls idle, as above.
perUser.tryAcquire('key');
const chained = chain(new Semaphore(4));
const bounded = {
  maxHoldMs: new Semaphore(4, { maxHoldMs: 60_000 }),
  shares: new Semaphore(4, { order: { name: 'fair', shares: { checkout: { min: 1, max: 3 } } } }),
};

report(
  'Features: one permit acquired with tryAcquire and released; ratio to a Semaphore that uses none of them',
  'ns a pair',
  compare(
    await interleave(
      {
        Semaphore: pairsOf(() => semaphore.tryAcquire()),
        'Semaphore after pause, update, clear, resume and split': pairsOf(() => controlled.tryAcquire()),
        'Semaphore with maxHoldMs': pairsOf(() => bounded.maxHoldMs.tryAcquire()),
        'Semaphore with shares': pairsOf(() => bounded.shares.tryAcquire()),
        'KeyedSemaphore after pause and resume': pairsOf(() => perUser.tryAcquire('key')),
        'KeyedSemaphore.for(key)': pairsOf(() => oneUser.tryAcquire()),
        'chain of one Semaphore': pairsOf(() => chained.tryAcquire()),
      },
      ROUNDS,
    ),
    'Semaphore',
    { 'Semaphore after pause, update, clear, resume and split': '<= 1.05' },
  ),
);

/** Acquires and releases, one permit after another. */
function pairsOf(acquire) {
  return nanosecondsAPair(async () => {
    for (let i = 0; i < PAIRS; i++) await release(acquire());
  });
}

/** Releases in a later microtask, as work does. Without that V8 makes no permit at all. */
async function release(permit) {
  await undefined;
  permit.release();
}

function nanosecondsAPair(work) {
  return async () => ((await time(work)) * 1e6) / PAIRS;
}
