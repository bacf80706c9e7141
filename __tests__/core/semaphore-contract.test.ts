import { Semaphore } from 'express-semaphore';
import { describeLimiter } from '../contracts/limiter';
import { FakeClock } from 'express-semaphore/testing';
import { turn } from '../helpers/watch';

describeLimiter(
  'Semaphore',
  (permits, options) => {
    const clock = new FakeClock();
    const limiter = new Semaphore(permits, { ...options, clock });
    return { limiter, clock, settle: turn, [Symbol.asyncDispose]: () => Promise.resolve() };
  },
  { local: true, controls: true },
);
