// A limit for each user. Authentication comes first, so an anonymous user gets 401 and never a permit.
import { setTimeout as sleep } from 'node:timers/promises';
import express from 'express';
import type { NextFunction, Request, Response } from 'express';
import { KeyedSemaphore, limit, Semaphore } from 'express-semaphore';
import { listen } from './listen.js';

interface User {
  readonly id: string;
  readonly isPaying: boolean;
}

/** Your own user database. */
const USERS = new Map<string, User>([
  ['secret-1', { id: 'alice', isPaying: true }],
  ['secret-2', { id: 'bob', isPaying: false }],
]);
const paying = new Set([...USERS.values()].filter(({ isPaying }) => isPaying).map(({ id }) => id));

const perUser = new KeyedSemaphore((id) => new Semaphore(paying.has(id) ? 3 : 1, { queueLimit: 0 }), {
  name: 'per-user',
});

function userOf(req: Request): User | undefined {
  return USERS.get(req.get('x-api-token') ?? '');
}

function authenticate(req: Request, res: Response, next: NextFunction): void {
  if (userOf(req) === undefined) res.status(401).json({ title: 'Send your token as x-api-token' });
  else next();
}

const app = express();
app.use(authenticate);
app.use(limit(perUser, { key: (req: Request) => userOf(req)?.id }));

app.get('/', async (_req, res) => {
  await sleep(200);
  res.send('hello');
});

listen(app);
