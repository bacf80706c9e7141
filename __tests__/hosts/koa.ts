import type { Server } from 'node:http';
import Koa from 'koa';
import connect from 'koa-connect';
import { limit } from 'express-semaphore';
import type { Limiter } from 'express-semaphore';

export function start(limiter: Limiter, work: (url: string) => Promise<string>, port: number): Server {
  const app = new Koa();
  app.use(connect(limit(limiter)));
  app.use(async (context) => {
    context.body = await work(context.url);
  });
  return app.listen(port, '127.0.0.1');
}
