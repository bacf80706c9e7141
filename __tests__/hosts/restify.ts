import type { Server } from 'node:net';
import { createServer } from 'restify';
import { limit } from 'express-semaphore';
import type { Limiter } from 'express-semaphore';

export function start(limiter: Limiter, work: (url: string) => Promise<string>, port: number): Server {
  const app = createServer();
  app.pre(limit(limiter));
  app.get('*', async (req, res) => {
    res.send(await work(req.url ?? '/'));
  });
  app.listen(port, '127.0.0.1');
  return app.server;
}
