import type { Server } from 'node:http';
import middie from '@fastify/middie';
import fastify from 'fastify';
import { limit } from 'express-semaphore';
import type { Limiter } from 'express-semaphore';

export async function start(
  limiter: Limiter,
  work: (url: string) => Promise<string>,
  port: number,
): Promise<Server> {
  const app = fastify();
  await app.register(middie);
  app.use(limit(limiter));
  app.get('*', (req) => work(req.url));
  await app.listen({ port, host: '127.0.0.1' });
  return app.server;
}
