import { Semaphore } from 'express-semaphore';
import { AdaptiveSemaphore } from 'express-semaphore/adaptive';

/** Orders to choose from. */
const ORDERS = ['fifo', 'lifo', 'adaptive-lifo', 'priority', 'fair'] as const;

/** How the limiter of `/users` is made. */
export interface UsersChoice {
  /** The order of its line. @defaultValue `'fifo'` */
  readonly order?: string | undefined;
  /** Whether it finds its limit itself. @defaultValue `false` */
  readonly isAdaptive?: boolean | undefined;
}

/** The limiter of `/users`, to try what an order does, and a limit that finds itself. */
export function createUsersLimiter(choice: UsersChoice): Semaphore | AdaptiveSemaphore {
  const { order = 'fifo', isAdaptive = false } = choice;
  const known = ORDERS.find((each) => each === order);
  if (known === undefined) throw new RangeError(`order must be one of ${ORDERS.join(', ')}, got ${order}`);
  const options = { name: 'users', queueLimit: 6, order: known };
  return isAdaptive ? new AdaptiveSemaphore(options) : new Semaphore(3, options);
}
