// One limit for the whole app. The health check is mounted before it, so it answers under any load.
import { setTimeout as sleep } from 'node:timers/promises';
import express from 'express';
import { limit, Semaphore } from 'express-semaphore';

const app = express();
const api = new Semaphore(2, { name: 'api', queueLimit: 4 });

app.get('/health', (_req, res) => {
  res.json({ held: api.held, waiting: api.waiting });
});

app.use(limit(api, { maxWaitMs: 5_000 }));

// After limit: a waiting request has no body in memory, and a rejected body is never parsed.
app.use(express.json());

app.post('/orders', async (req, res) => {
  await sleep(200);
  res.status(201).json(req.body);
});

app.listen(Number(process.env.PORT ?? 3000));
