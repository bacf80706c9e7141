import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { limit } from 'express-semaphore';
import type { Limiter } from 'express-semaphore';

export function start(limiter: Limiter, work: (url: string) => Promise<string>, port: number): Server {
  const limited = limit(limiter);

  return createServer((req, res) => {
    const fail = () => {
      res.writeHead(500).end();
    };
    limited(req, res, (error) => {
      if (error === undefined) work(req.url ?? '/').then((text) => res.end(text), fail);
      else fail();
    });
  }).listen(port, '127.0.0.1');
}
