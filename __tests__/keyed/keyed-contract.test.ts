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
  { local: true },
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
function limiterOf(keyed: KeyedSemaphore, key: string, behind: Limiter): Limiter {
  return {
    acquire: (options) => keyed.acquire(key, options),
    tryAcquire: (options) => keyed.tryAcquire(key, options),
    run: (work, options) => keyed.run(key, work, options),
    close: (reason) => {
      keyed.close(reason);
    },
    idle: () => keyed.idle(),
    stats: () => behind.stats(),
  };
}
