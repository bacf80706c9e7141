// The server under overload: 1 ms of processor time and 20 ms of waiting a request, behind what the command line names.
import express from 'express';
import expressQueue from 'express-queue';
import { limit, Semaphore } from 'express-semaphore';
import { AdaptiveSemaphore } from 'express-semaphore/adaptive';

const [subject, permits] = [process.argv[2], Number(process.argv[3])];

const middlewares = {
  none: () => (_req, _res, next) => next(),
  'express-queue': () => expressQueue({ activeLimit: permits, queuedLimit: -1 }),
  'limit, maxWaitMs 100': () => limit(new Semaphore(permits), { maxWaitMs: 100 }),
  'adaptive, maxWaitMs 100': () => limit(new AdaptiveSemaphore(), { maxWaitMs: 100 }),
  full: () => limit(new Semaphore(0, { queueLimit: 0 })),
};

const app = express();
app.use(middlewares[subject]());
app.get('/work', (_req, res) => {
  const end = performance.now() + 1;
  while (performance.now() < end);
  setTimeout(() => res.send('done'), 20);
});

const server = app.listen(0, '127.0.0.1', 4_096, () => process.send({ port: server.address().port }));
process.on('message', () => process.send({ cpu: process.cpuUsage() }));
process.once('disconnect', () => process.exit());
