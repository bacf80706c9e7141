import type { Server } from 'node:http';
import fastify from 'fastify';
import type { Limiter } from 'express-semaphore';
import { fastifyLimit } from '../../examples/adapters/fastify-limit.js';

export async function start(
  limiter: Limiter,
  work: (url: string) => Promise<string>,
  port: number,
): Promise<Server> {
  const app = fastify();
  app.addHook('onRequest', fastifyLimit(limiter));
  app.get('*', (req) => work(req.url));
  await app.listen({ port, host: '127.0.0.1' });
  return app.server;
}
