import type { Server } from 'node:net';
import { limit } from 'express-semaphore';
import type { Limiter } from 'express-semaphore';
import { createRestify } from './create-restify.js';

export function start(limiter: Limiter, work: (url: string) => Promise<string>, port: number): Server {
  const app = createRestify();
  app.pre(limit(limiter));
  app.get('*', async (req, res) => {
    res.send(await work(req.url ?? '/'));
  });
  app.listen(port, '127.0.0.1');
  return app.server;
}
