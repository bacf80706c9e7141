// The server of express.mjs: one Express 5 app behind the middleware that the command line names.
import express from 'express';
import expressQueue from 'express-queue';
import { rateLimit } from 'express-rate-limit';
import { limit, Semaphore } from 'express-semaphore';

/** So many permits that nobody is queued or rejected: the benchmark measures a passing request. */
const WIDE = 1_000_000;

const middlewares = {
  'no-op': () => (_req, _res, next) => next(),
  'express-semaphore': () => limit(new Semaphore(WIDE)),
  'express-semaphore with maxHoldMs': () => limit(new Semaphore(WIDE), { maxHoldMs: 60_000 }),
  'express-semaphore with rateLimitHeaders': () => limit(new Semaphore(WIDE), { rateLimitHeaders: true }),
  'express-rate-limit': () => rateLimit({ windowMs: 60_000, limit: WIDE * WIDE }),
  'express-queue': () => expressQueue({ activeLimit: WIDE, queuedLimit: -1 }),
};

const app = express();
app.use(middlewares[process.argv[2]]());
app.get('/', (_req, res) => {
  res.json({ hello: 'world' });
});

const server = app.listen(0, '127.0.0.1', () => process.send(server.address().port));
process.once('disconnect', () => process.exit());
