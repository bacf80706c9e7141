import { AdaptiveSemaphore } from 'express-semaphore/adaptive';
import { describeLimiter } from '../contracts/limiter';
import { FakeClock } from 'express-semaphore/testing';
import { turn } from '../helpers/watch';

describeLimiter(
  'AdaptiveSemaphore',
  (permits, options) => {
    const clock = new FakeClock();
    const algorithm = { initial: permits, next: () => permits };
    const limiter = new AdaptiveSemaphore({ ...options, algorithm, clock });
    return { limiter, clock, settle: turn, [Symbol.asyncDispose]: () => Promise.resolve() };
  },
  { local: true, controls: true },
);
