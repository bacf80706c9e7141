import { KeyedSemaphore, Semaphore } from 'express-semaphore';

export type Limiters = ReturnType<typeof createLimiters>;

/** Every limiter of the app, made in one place: the routes take them, `/stats` lists them, the shutdown closes them. */
export function createLimiters() {
  return {
    app: new Semaphore(100, { name: 'app', queueLimit: 200 }),
    users: new Semaphore(3, { name: 'users', queueLimit: 6 }),
    orders: new Semaphore(10, { name: 'orders', queueLimit: 20 }),
    perUser: new KeyedSemaphore(() => new Semaphore(2, { queueLimit: 4 }), {
      name: 'perUser',
      maxKeys: 10_000,
    }),
    reports: new Semaphore(2, { name: 'reports', queueLimit: 10 }),
    events: new Semaphore(2, { name: 'events', queueLimit: 50 }),
    exports: new Semaphore(1, { name: 'exports', queueLimit: 5 }),
  };
}
