import { Semaphore } from 'express-semaphore';
import type { Order } from 'express-semaphore';
import { describeLimiter } from '../contracts/limiter';
import { FakeClock } from '../helpers/clock';
import { turn } from '../helpers/watch';

const ORDERS: readonly Order[] = [
  'lifo',
  { name: 'adaptive-lifo', intervalMs: 60_000 },
  'priority',
  { name: 'priority', ageMs: 50 },
  'fair',
];

for (const order of ORDERS) {
  const name = typeof order === 'string' ? order : JSON.stringify(order);
  describeLimiter(
    `Semaphore in the order ${name}`,
    (permits, options) => {
      const clock = new FakeClock();
      const limiter = new Semaphore(permits, { ...options, order, clock });
      return { limiter, clock, settle: turn, [Symbol.asyncDispose]: () => Promise.resolve() };
    },
    { local: true, newestFirst: order === 'lifo' },
  );
}
