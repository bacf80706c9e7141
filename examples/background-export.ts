// Work that outlives its response. The client gets 202 at once. `hold` keeps the permit until the export is written.
import { setTimeout as sleep } from 'node:timers/promises';
import express from 'express';
import { limit, permitOf, Semaphore } from 'express-semaphore';
import { listen } from './listen.js';

const exportsLimit = new Semaphore(1, { name: 'exports', queueLimit: 2 });
const finished: string[] = [];

async function writeExport(name: string): Promise<void> {
  await sleep(300);
  if (name === 'broken') throw new Error('the disk is full');
  finished.push(name);
}

const app = express();
app.post('/exports/:name', limit(exportsLimit), (req, res) => {
  // `hold` only watches, so pass it the promise whose error is handled.
  const work = writeExport(req.params.name).catch((error: unknown) => {
    console.error('export failed:', error instanceof Error ? error.message : error);
  });
  permitOf(res)?.hold(work);
  res.status(202).json({ status: 'started' });
});
app.get('/exports', (_req, res) => {
  res.json({ finished, held: exportsLimit.held });
});

listen(app);
