import { KeyedSemaphore, Semaphore } from 'express-semaphore';

export type Limiters = ReturnType<typeof createLimiters>;

/** Every limiter of the app, made in one place: the routes take them, `/stats` lists them, the shutdown closes them. */
export function createLimiters() {
  return {
    app: new Semaphore(100, { queueLimit: 200 }),
    users: new Semaphore(3, { queueLimit: 6 }),
    orders: new Semaphore(10, { queueLimit: 20 }),
    perUser: new KeyedSemaphore(() => new Semaphore(2, { queueLimit: 4 }), {
      maxKeys: 10_000,
    }),
    reports: new Semaphore(2, { queueLimit: 10 }),
    events: new Semaphore(2, { queueLimit: 50 }),
    exports: new Semaphore(1, { queueLimit: 5 }),
  };
}
