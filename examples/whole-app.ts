// One limit for the whole app, in front of Express. The health check is skipped, so it answers under any load.
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import express from 'express';
import { limitServer, Semaphore } from 'express-semaphore';
import { listen } from './listen.js';

const app = express();
const api = new Semaphore(2, { name: 'api', queueLimit: 4 });

app.get('/health', (_req, res) => {
  res.json({ held: api.held, waiting: api.waiting });
});

// A waiting request has no body in memory, and a rejected body is never parsed.
app.use(express.json());

app.post('/orders', async (req, res) => {
  await sleep(200);
  res.status(201).json(req.body);
});

const server = createServer(app);
limitServer(server, api, { maxWaitMs: 5_000, skip: (req) => req.url?.split('?')[0] === '/health' });
listen(server);
