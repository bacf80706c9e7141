import { KeyedSemaphore, Semaphore } from 'express-semaphore';
import { RedisSemaphore } from 'express-semaphore/redis';
import type { RedisClient } from 'express-semaphore/redis';
import { createUsersLimiter } from './users-limiter.js';
import type { UsersChoice } from './users-limiter.js';

export type Limiters = ReturnType<typeof createLimiters>;

/** The Redis that all processes of a fleet share. */
export interface Fleet {
  readonly redis: RedisClient;
  /** Number of processes. Each uses its share of a limit while Redis is down. @defaultValue `1` */
  readonly expectedNodes?: number;
}

/**
 * Creates every limiter of the app: the routes use them, `/stats` lists them, the shutdown closes them. In a fleet the
 * limiters of shared resources are shared, too.
 */
export function createLimiters(fleet?: Fleet, users: UsersChoice = {}) {
  const shared = (name: string, permits: number, queueLimit: number) =>
    fleet === undefined
      ? new Semaphore(permits, { name, queueLimit })
      : new RedisSemaphore(fleet.redis, {
          name,
          permits,
          queueLimit,
          leaseMs: 3_000,
          // A laptop that runs the whole fleet can pause for longer than the default.
          timeoutMs: 1_000,
          expectedNodes: fleet.expectedNodes,
        });

  return {
    app: new Semaphore(100, { name: 'app', queueLimit: 200 }),
    users: fleet === undefined ? createUsersLimiter(users) : shared('users', 3, 6),
    orders: shared('orders', 10, 20),
    perUser: new KeyedSemaphore((key) => shared(`user:${key}`, 2, 4), { name: 'perUser', maxKeys: 10_000 }),
    reports: shared('reports', 2, 10),
    events: new Semaphore(2, { name: 'events', queueLimit: 50 }),
    exports: shared('exports', 1, 5),
  };
}
