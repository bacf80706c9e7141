import { Semaphore } from 'express-semaphore';
import type { Order } from 'express-semaphore';
import { ORDER_NAMES } from '../../lib/orders';
import { describeLimiter } from '../contracts/limiter';
import { FakeClock } from 'express-semaphore/testing';
import { turn } from '../helpers/watch';

const ORDERS: readonly Order[] = [
  // Another file holds the contract of a Semaphore in the default order. Under adaptive-lifo, time changes the order.
  ...ORDER_NAMES.filter((name) => name !== 'fifo' && name !== 'adaptive-lifo'),
  { name: 'adaptive-lifo', intervalMs: 60_000 },
  { name: 'priority', ageMs: 50 },
  { name: 'fair', shares: { '': {}, other: { max: 1 } } },
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
    { local: true, controls: true, newestFirst: order === 'lifo' },
  );
}
