// A job worker, as with BullMQ, and an HTTP route that share one limit. Jobs have a lower priority, so a request never
// waits behind the backlog of jobs. `Worker` is a local stand-in with the same shape; in your app, import it from
// 'bullmq'.
import { setTimeout as sleep } from 'node:timers/promises';
import express from 'express';
import { limit, Semaphore } from 'express-semaphore';
import { listen } from './listen.js';
import { Queue, Worker } from './stand-ins/job-queue.js';

const resize = new Semaphore(1, { name: 'resize', order: 'priority', queueLimit: 200 });
const done: string[] = [];

async function resizeImage(name: string): Promise<void> {
  await sleep(50);
  done.push(name);
}

const jobs = new Queue<string>('images');
new Worker<string>('images', ({ data }) => resize.run(() => resizeImage(data), { priority: -10 }), {
  concurrency: 10,
});
for (let n = 1; n <= 99; n++) jobs.add(`job ${n}`);

const app = express();
app.get('/resize', limit(resize, { maxWaitMs: 10_000 }), async (_req, res) => {
  await resizeImage('request');
  res.json(done);
});

listen(app);
