// Server-sent events. Each open stream holds a permit. A rejected EventSource gets 200 and `retry:`, since it would
// never connect again after another status.
import express from 'express';
import type { Request, Response } from 'express';
import { limit, Semaphore } from 'express-semaphore';
import { listen } from './listen.js';

const streams = new Semaphore(2, { name: 'streams', queueLimit: 0 });

function retryLater(_req: Request, res: Response): void {
  res.type('text/event-stream').end('retry: 100\n\n');
}

const app = express();
app.get('/events', limit(streams, { onRejected: retryLater }), (_req, res) => {
  res.type('text/event-stream');
  let count = 0;
  const send = () => res.write(`data: ${++count}\n\n`);
  const timer = setInterval(send, 1_000);
  res.once('close', () => {
    clearInterval(timer);
  });
  send();
});

const server = listen(app);

// A stream never ends by itself, so a shutdown must end it.
process.once('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
});
