// Never run: that this compiles, without one cast, is the test.
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import connect from 'connect';
import express from 'express';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import polka from 'polka';
import {
  clientKey,
  gracefulShutdown,
  KeyedSemaphore,
  limit,
  limitHandler,
  limitUpgrade,
  permitOf,
  Semaphore,
  withSemaphore,
} from 'express-semaphore';
import type { AcquireOptions, Limiter, Permit, SemaphoreOptions } from 'express-semaphore';

const semaphore = new Semaphore(2);
const keyed = new KeyedSemaphore((key) => new Semaphore(key.length));

export function options(): void {
  const all: SemaphoreOptions = { name: 'a', queueLimit: Infinity, maxWaitMs: 5, order: 'lifo' };
  const none: SemaphoreOptions = { queueLimit: undefined, maxWaitMs: undefined, order: undefined };
  new Semaphore(1, all);
  new Semaphore(1, none);
  new Semaphore(1, { order: { name: 'fair', share: (flow) => flow.length } });
  // @ts-expect-error -- no such option
  new Semaphore(1, { queue: 5 });
  // @ts-expect-error -- no such order
  new Semaphore(1, { order: 'random' });
  // @ts-expect-error -- of another order
  new Semaphore(1, { order: { name: 'fair', ageMs: 5 } });
  // @ts-expect-error -- how many?
  new Semaphore();
  // @ts-expect-error -- a map of what?
  new KeyedSemaphore(() => 5);
  // @ts-expect-error -- made at once, not promised
  new KeyedSemaphore(async () => Promise.resolve(semaphore));
}

export async function permits(limiter: Limiter, asked: AcquireOptions): Promise<number> {
  using permit = await limiter.acquire({ signal: AbortSignal.timeout(5), maxWaitMs: 5, weight: 2 });
  const taken: Permit | undefined = limiter.tryAcquire(asked);
  taken?.release('overload');
  const lengths: number[] = await semaphore.map(['a'], async (text) => Promise.resolve(text.length));
  await semaphore.map(new Set(lengths), (n: number, { signal }) => n + Number(signal.aborted), { weight: 2 });
  // @ts-expect-error -- there may be none
  limiter.tryAcquire().release();
  // @ts-expect-error -- no such outcome
  permit.release('failure');
  // @ts-expect-error -- it is what it is
  permit.weight = 3;
  // @ts-expect-error -- a permit of which key?
  await keyed.acquire();
  await withSemaphore(keyed.for('a'))(async () => Promise.resolve(1))();
  const isKept: boolean = keyed.resize('a', 2) || keyed.delete('a');
  const length: number =
    Number(isKept) +
    (await semaphore.run(async ({ signal }) => Promise.resolve(String(signal.aborted).length)));
  return length + permit.weight + permit.waitedMs;
}

/** An upgrade has the types of `node:http`. */
export function upgrades(): void {
  const server = createServer();
  server.on(
    'upgrade',
    limitUpgrade(semaphore, (req, socket, head, permit) => {
      socket.write(`${String(req.url)} ${head.length} ${permit?.weight ?? 0}`);
    }),
  );
  server.on(
    'upgrade',
    limitUpgrade(keyed, () => undefined, { key: (req) => req.url, maxWaitMs: 5 }),
  );
}

export async function shutdown(): Promise<boolean> {
  const shutDown = gracefulShutdown(createServer(), { semaphore, keyed }, { drainMs: 5, deadlineMs: 5 });
  // @ts-expect-error -- no limiter
  gracefulShutdown(createServer(), { five: 5 });
  return shutDown();
}

/** Express types a request more closely than node:http does, and the callbacks are given just that. */
export function expressHosts(): void {
  const handler = limitHandler(semaphore, async (req: Request, res: Response) => {
    permitOf(res, semaphore)?.hold(Promise.resolve());
    await Promise.resolve(res.json({ id: req.params['id'], ip: req.ip }));
  });
  const inferred: RequestHandler = limit(keyed, { key: (req: Request) => req.get('x-api-token') });
  const failing = limitHandler(semaphore, (_req: Request, _res: Response, next: NextFunction) => {
    next(new Error('no'));
  });
  express()
    .use(
      limit(semaphore, undefined),
      limitHandler(semaphore, () => undefined),
    )
    .use(limit(keyed, { key: clientKey(), statusCode: 503 }))
    .get('/a', limit(semaphore, { maxWaitMs: 5, skip: (req: Request) => req.path === '/' }), handler)
    .post('/b', [inferred, failing])
    .use('/c', express.Router().use(limit(semaphore)));
}

export function otherHosts(): void {
  const byHeader = (req: IncomingMessage) => String(req.headers.host);
  connect()
    .use(limit(semaphore))
    .use('/a', limit(keyed, { key: byHeader }));
  polka()
    .use(limit(semaphore))
    .get(
      '/a',
      limitHandler(semaphore, (_req, res) => res.end()),
    );
  const gate = limit(semaphore);
  createServer((req: IncomingMessage, res: ServerResponse) => {
    gate(req, res, (error) => {
      res.end(String(error));
    });
  });
}

export function keys(): void {
  limit(keyed, { key: () => 'a' });
  limit(keyed, { key: async () => Promise.resolve('a') });
  limit(keyed, { key: () => undefined });
  limit(keyed, { key: async (req: Request) => Promise.resolve(req.ip) });
  // @ts-expect-error -- which key?
  limit(keyed);
  // @ts-expect-error -- which key?
  limit(keyed, { maxWaitMs: 5 });
  // @ts-expect-error -- a number names nobody
  limit(keyed, { key: () => 5 });
  // @ts-expect-error -- null names nobody
  limit(keyed, { key: () => null });
  // @ts-expect-error -- there are no keys to tell apart

  limit(semaphore, { key: () => 'a' });
}

export async function functions(): Promise<void> {
  const wrap = withSemaphore(semaphore, { maxWaitMs: 5 });
  const load: (id: string, tries?: number) => Promise<number> = wrap(async (id: string, tries = 1) =>
    Promise.resolve(id.length * tries),
  );
  const generic = wrap(async <T>(value: T) => Promise.resolve(value));
  const same: 'a' = await generic('a' as const);
  await load(same);
  // @ts-expect-error -- its parameters are kept
  await load(5);
  // @ts-expect-error -- its result would become a promise
  wrap(() => 5);
  // @ts-expect-error -- which key?
  withSemaphore(keyed);

  // @ts-expect-error -- no such option
  withSemaphore(semaphore, { maxWaitMs: 5, maxWait: 5 });
  // @ts-expect-error -- a weight is a number
  withSemaphore(semaphore, { weight: (id: string) => id });
  // @ts-expect-error -- there are no keys to tell apart
  withSemaphore(semaphore, { key: (id: string) => id });
}

export async function keyedFunctions(all: AcquireOptions): Promise<void> {
  const byTenant = withSemaphore(keyed, {
    key: (tenant: string) => tenant,
    weight: (_tenant: string, rows: readonly number[]) => rows.length,
    maxWaitMs: 5,
  });
  const sum: (tenant: string, rows: number[], scale?: number) => Promise<number> = byTenant(
    async (_tenant: string, rows: number[], scale = 1) => Promise.resolve(rows.length * scale),
  );
  await sum('a', [1]);
  // @ts-expect-error -- its tenant is no string
  byTenant(async (tenant: number, rows: number[]) => Promise.resolve(tenant + rows.length));
  // @ts-expect-error -- it has no rows
  byTenant(async (tenant: string) => Promise.resolve(tenant));
  const untyped = withSemaphore(keyed, { key: (_n, tenant) => String(tenant) });
  await untyped(async (n: number, tenant: string) => Promise.resolve(tenant.length * n))(1, 'a');
  await withSemaphore(semaphore, all)(async () => Promise.resolve(1))();
}

export class Tenant {
  readonly id = 'a';

  @withSemaphore(keyed, {
    key(this: Tenant) {
      return this.id;
    },
    signal: (signal: AbortSignal) => signal,
  })
  async load(signal: AbortSignal): Promise<boolean> {
    return Promise.resolve(signal.aborted);
  }

  // @ts-expect-error -- its parameter is no string
  @withSemaphore(keyed, { key: (id: string) => id })
  async find(id: number): Promise<number> {
    return Promise.resolve(id);
  }
}

export class Users {
  @withSemaphore(semaphore)
  async find(id: string): Promise<number> {
    return Promise.resolve(id.length);
  }

  @withSemaphore(semaphore)
  static async count(this: typeof Users): Promise<number> {
    return Promise.resolve(this.length);
  }

  // @ts-expect-error -- a method that returns no promise
  @withSemaphore(semaphore)
  name(): string {
    return 'ann';
  }
}

export const found: Promise<number> = new Users().find('id');
