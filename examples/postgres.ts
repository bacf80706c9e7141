// A pg pool. The limit equals the size of the pool, so callers queue in the limiter and not in the pool: with a
// bounded queue, a maximum wait, and 503 for a request that cannot be served in time.
import express from 'express';
import { limit, Semaphore } from 'express-semaphore';
import pg from 'pg';
import { listen } from './listen.js';

const POOL_SIZE = 2;
const pool = new pg.Pool({
  connectionString: process.env.DATABASE_URL ?? 'postgres://app@localhost/app',
  max: POOL_SIZE,
});
pool.on('error', (error) => {
  console.error('an idle connection failed:', error.message);
});

const database = new Semaphore(POOL_SIZE, { name: 'database', queueLimit: 3 });

const app = express();
app.get('/users', limit(database, { maxWaitMs: 5_000 }), async (_req, res) => {
  const { rows } = await pool.query<{ name: string }>('SELECT name FROM users');
  res.json(rows);
});
app.get('/stats', (_req, res) => {
  res.json({ held: database.held, waiting: database.waiting, waitingInPool: pool.waitingCount });
});

listen(app);
