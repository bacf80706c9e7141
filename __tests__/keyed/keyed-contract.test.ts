import { KeyedSemaphore, Semaphore } from 'express-semaphore';
import type { Limiter } from 'express-semaphore';
import { describeLimiter } from '../contracts/limiter';
import { FakeClock } from 'express-semaphore/testing';
import { turn } from '../helpers/watch';

describeLimiter(
  'One key of a KeyedSemaphore',
  (permits, options) => {
    const clock = new FakeClock();
    const behind = new Semaphore(permits, { ...options, clock });
    const keyed = new KeyedSemaphore(() => behind, { idleTtlMs: Infinity });
    return {
      limiter: limiterOf(keyed, 'ann', behind),
      clock,
      settle: turn,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  },
  { local: true, controls: true },
);

describeLimiter(
  'The limiter of one key',
  (permits, options) => {
    const clock = new FakeClock();
    const keyed = new KeyedSemaphore(() => new Semaphore(permits, { ...options, clock }), {
      idleTtlMs: Infinity,
    });
    return { limiter: keyed.for('ann'), clock, settle: turn, [Symbol.asyncDispose]: () => Promise.resolve() };
  },
  { local: true },
);

/** One key seen as a limiter; its stats are those of the limiter behind it, which exists before the key does. */
function limiterOf(keyed: KeyedSemaphore, key: string, behind: Semaphore) {
  return {
    pause: () => {
      keyed.pause();
    },
    resume: () => {
      keyed.resume();
    },
    clear: (reason) => {
      keyed.clear(reason);
    },
    update: (options) => {
      behind.update(options);
    },
    get paused() {
      return keyed.paused;
    },
    get available() {
      return behind.available;
    },
    get queueLimit() {
      return behind.queueLimit;
    },
    get maxWaitMs() {
      return behind.maxWaitMs;
    },
    [Symbol.asyncDispose]: () => keyed[Symbol.asyncDispose](),
    acquire: (options) => keyed.acquire(key, options),
    tryAcquire: (options) => keyed.tryAcquire(key, options),
    run: (work, options) => keyed.run(key, work, options),
    close: (reason) => {
      keyed.close(reason);
    },
    idle: () => keyed.idle(),
    stats: () => behind.stats(),
  } satisfies Partial<Semaphore> & Limiter;
}
