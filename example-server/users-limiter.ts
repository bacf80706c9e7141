import { Semaphore } from 'express-semaphore';
import { AdaptiveSemaphore } from 'express-semaphore/adaptive';
import { ORDER_NAMES } from '../lib/orders/index.js';

/** Options of the limiter of `/users`. */
export interface UsersChoice {
  /** Order of the queue. @defaultValue `'fifo'` */
  readonly order?: string | undefined;
  /** Whether the limiter finds its limit by itself. @defaultValue `false` */
  readonly isAdaptive?: boolean | undefined;
}

/** Creates the limiter of `/users`, on which an order or an adaptive limit can be tried. */
export function createUsersLimiter(choice: UsersChoice): Semaphore | AdaptiveSemaphore {
  const { order = 'fifo', isAdaptive = false } = choice;
  const known = ORDER_NAMES.find((each) => each === order);
  if (known === undefined)
    throw new RangeError(`order must be one of ${ORDER_NAMES.join(', ')}, got ${order}`);
  const options = { name: 'users', queueLimit: 6, order: known };
  return isAdaptive ? new AdaptiveSemaphore(options) : new Semaphore(3, options);
}
