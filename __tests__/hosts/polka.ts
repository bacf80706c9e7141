import { createServer } from 'node:http';
import type { Server } from 'node:http';
import polka from 'polka';
import { limit } from 'express-semaphore';
import type { Limiter } from 'express-semaphore';

export function start(limiter: Limiter, work: (url: string) => Promise<string>, port: number): Server {
  const server = createServer();
  const app = polka({ server });
  app.use(limit(limiter));
  app.get('*', (req, res, next) => {
    work(req.url).then((text) => res.end(text), next);
  });
  app.listen(port, '127.0.0.1');
  return server;
}
