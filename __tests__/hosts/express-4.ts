import type { Server } from 'node:http';
import express from 'express4';
import { limit } from 'express-semaphore';
import type { Limiter } from 'express-semaphore';

export function start(limiter: Limiter, work: (url: string) => Promise<string>, port: number): Server {
  const app = express();
  app.use(limit(limiter));
  app.use((req, res, next) => {
    work(req.url).then((text) => res.send(text), next);
  });
  return app.listen(port, '127.0.0.1');
}
