import type { Server } from 'node:http';
import Koa from 'koa';
import type { Limiter } from 'express-semaphore';
import { koaLimit } from '../../examples/adapters/koa-limit.js';

export function start(limiter: Limiter, work: (url: string) => Promise<string>, port: number): Server {
  const app = new Koa();
  app.use(koaLimit(limiter));
  app.use(async (context) => {
    context.body = await work(context.url);
  });
  return app.listen(port, '127.0.0.1');
}
