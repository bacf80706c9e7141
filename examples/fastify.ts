// A limit for Fastify. The adapter over `admission` is in `adapters/fastify-limit.ts`: copy it into your app.
import { setTimeout as sleep } from 'node:timers/promises';
import fastify from 'fastify';
import { Semaphore } from 'express-semaphore';
import { fastifyLimit } from './adapters/fastify-limit.js';
import { listen } from './listen.js';

const api = new Semaphore(2, { name: 'api', queueLimit: 4 });

const app = fastify();
app.addHook('onRequest', fastifyLimit(api, { maxWaitMs: 5_000 }));
app.get('/', async () => {
  await sleep(200);
  return { held: api.held };
});

await app.ready();
listen(app.server);
