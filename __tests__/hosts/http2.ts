import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http2';
import type { Http2Server } from 'node:http2';
import { limit } from 'express-semaphore';
import type { Limiter } from 'express-semaphore';

export function start(limiter: Limiter, work: (url: string) => Promise<string>, port: number): Http2Server {
  const limited = limit(limiter);

  return createServer((req, res) => {
    const answer = (text: string) => {
      res.end(text);
    };
    const fail = () => {
      res.writeHead(500).end();
    };
    // The compatibility API has the shape that `limit` needs, though not the type.
    limited(req as unknown as IncomingMessage, res as unknown as ServerResponse, (error) => {
      if (error === undefined) work(req.url).then(answer, fail);
      else fail();
    });
  }).listen(port, '127.0.0.1');
}
