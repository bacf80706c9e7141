// The server under load: one Express 5 app behind the middleware named on the command line.
import express from 'express';
import expressQueue from 'express-queue';
import { rateLimit } from 'express-rate-limit';
import { limit, Semaphore } from 'express-semaphore';

/** Wide enough to refuse and delay nobody: it is the price of passing that counts. */
const WIDE = 1_000_000;

const middlewares = {
  'no-op': () => (_req, _res, next) => next(),
  'express-semaphore': () => limit(new Semaphore(WIDE)),
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
