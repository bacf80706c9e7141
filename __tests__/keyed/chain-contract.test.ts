import { chain, KeyedSemaphore, Semaphore } from 'express-semaphore';
import type { Limiter } from 'express-semaphore';
import { describeLimiter } from '../contracts/limiter';
import type { SubjectOptions } from '../contracts/subject';
import { FakeClock } from '../helpers/clock';
import { turn } from '../helpers/watch';

/** Chains whose first part sets the limit. */
const CHAINS: Record<string, (narrow: () => Semaphore, wide: Semaphore) => Limiter> = {
  'a chain': (narrow, wide) => chain(narrow(), wide),
  'a chain of chains': (narrow, wide) => chain(chain(narrow()), chain(wide)),
  'one key of a chain': (narrow, wide) => chain(new KeyedSemaphore(narrow), wide).for('ann'),
};

for (const [name, make] of Object.entries(CHAINS)) {
  describeLimiter(
    name,
    (permits, options?: SubjectOptions) => {
      const clock = new FakeClock();
      const narrow = () => new Semaphore(permits, { ...options, clock });
      const limiter = make(narrow, new Semaphore(Number.MAX_SAFE_INTEGER, { clock }));
      return { limiter, clock, settle: turn, [Symbol.asyncDispose]: () => Promise.resolve() };
    },
    { local: true },
  );
}
