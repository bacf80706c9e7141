// A limit for Koa. The adapter over `admission` is in `adapters/koa-limit.ts`: copy it into your app.
import { setTimeout as sleep } from 'node:timers/promises';
import Koa from 'koa';
import { Semaphore } from 'express-semaphore';
import { koaLimit } from './adapters/koa-limit.js';
import { listen } from './listen.js';

const api = new Semaphore(2, { name: 'api', queueLimit: 4 });

const app = new Koa();
app.use(koaLimit(api, { maxWaitMs: 5_000 }));
app.use(async (context) => {
  await sleep(200);
  context.body = { held: api.held };
});

listen(app);
