import express from 'express';
import request from 'supertest';
import { chain, KeyedSemaphore, limit, Semaphore } from 'express-semaphore';
import type { Limiter } from 'express-semaphore';
import { until } from '../helpers/serve';

/** Serves `/` behind `middleware`, and answers errors with their status. */
function serving(...middleware: ReturnType<typeof limit>[]): express.Express {
  const app = express().set('env', 'test');
  for (const one of middleware) app.use(one);
  return app.use((_req, res) => res.send('served'));
}

const headersOf = async (app: express.Express, path = '/') => {
  const { status, headers } = await request(app).get(path);
  return [status, headers['ratelimit-policy'], headers['ratelimit']];
};

const on = { rateLimitHeaders: true } as const;

describe('rateLimitHeaders', () => {
  it('tells the limit and the free permits with a success and with a rejection', async () => {
    const api = new Semaphore(2, { name: 'api', queueLimit: 0 });
    const app = serving(limit(api, on));
    const policy = '"api";q=2;qu="concurrent-requests"';
    expect(await headersOf(app)).toEqual([200, policy, '"api";r=1']);
    const held = [await api.acquire(), await api.acquire()];
    expect(await headersOf(app)).toEqual([503, policy, '"api";r=0']);
    for (const permit of held) permit.release();
  });

  it('adds nothing to a response whose headers are sent', async () => {
    const api = new Semaphore(2);
    const app = express().use((_req, res, next) => {
      res.flushHeaders();
      next();
    });
    app.use(limit(api, on), (_req, res) => res.end('served'));
    expect(await headersOf(app)).toEqual([200, undefined, undefined]);
  });

  it('is off by default, and measures nothing', async () => {
    const api = new Semaphore(2);
    expect(await headersOf(serving(limit(api)))).toEqual([200, undefined, undefined]);
    await request(serving(limit(api, on))).get('/');
    expect(api.stats().hold.count).toBe(0);
  });

  it('has an item for each limit, that of the key for a keyed one', async () => {
    const perUser = new KeyedSemaphore((user) => new Semaphore(user.length), { name: 'per-user' });
    const both = [limit(perUser, { key: (req) => String(req.url), ...on }), limit(new Semaphore(9), on)];
    expect(await headersOf(serving(...both, ...both), '/ann')).toEqual([
      200,
      '"per-user";q=4;qu="concurrent-requests", "default";q=9;qu="concurrent-requests"',
      '"per-user";r=3, "default";r=8',
    ]);
  });

  it('has no item for a part of a chain that has no room for its key', async () => {
    const perUser = new KeyedSemaphore(() => new Semaphore(1, { queueLimit: 0 }), { name: 'per-user' });
    const perTenant = new KeyedSemaphore(() => new Semaphore(1), { maxKeys: 1 });
    using ofUser = await perUser.acquire('ann');
    using ofTenant = await perTenant.acquire('other');
    const all = chain(perUser, [perTenant, () => 'acme']);
    const app = serving(limit(all, { key: () => 'ann', ...on }));
    expect(await headersOf(app)).toEqual([429, '"per-user";q=1;qu="concurrent-requests"', '"per-user";r=0']);
    expect([ofUser.weight, ofTenant.weight]).toEqual([1, 1]);
    expect(perTenant.stats().rejected.ERR_SEMAPHORE_KEY_LIMIT).toBe(0);
  });

  it('makes no limiter for a key that the request did not reach', async () => {
    const perUser = new KeyedSemaphore(() => new Semaphore(1, { queueLimit: 0 }), { name: 'per-user' });
    const create = jest.fn(() => new Semaphore(1));
    using held = await perUser.acquire('ann');
    const app = serving(limit(chain(perUser, new KeyedSemaphore(create)), { key: () => 'ann', ...on }));
    expect(await headersOf(app)).toEqual([429, '"per-user";q=1;qu="concurrent-requests"', '"per-user";r=0']);
    expect([held.weight, create.mock.calls.length]).toEqual([1, 0]);
  });

  it('has no item where there is no limit: too many keys, and closed', async () => {
    const perUser = new KeyedSemaphore(() => new Semaphore(1), { maxKeys: 1 });
    const app = serving(limit(perUser, { key: (req) => String(req.url), ...on }));
    await perUser.acquire('busy');
    expect(await headersOf(app)).toEqual([503, undefined, undefined]);
    expect(perUser.stats().rejected.ERR_SEMAPHORE_KEY_LIMIT).toBe(1);
    perUser.close();
    expect(await headersOf(app)).toEqual([503, undefined, undefined]);
  });

  it('tells a queued request what is free when it is served, and what is not when it is rejected', async () => {
    const api = new Semaphore(1);
    const app = serving(limit(api, { ...on, maxWaitMs: 20 }));
    const held = await api.acquire();
    expect(await headersOf(app)).toEqual([503, expect.any(String), '"default";r=0']);
    const queued = headersOf(serving(limit(api, { ...on, maxWaitMs: Infinity })));
    await until(() => api.waiting === 1);
    held.release();
    expect(await queued).toEqual([200, expect.any(String), '"default";r=0']);
  });

  it('keeps the headers when the rejection goes to the error handler', async () => {
    const api = new Semaphore(0);
    const app = serving(
      limit(api, {
        ...on,
        maxWaitMs: 0,
        onRejected: (_req, _res, next, rejection) => {
          next(rejection);
        },
      }),
    );
    expect(await headersOf(app)).toEqual([503, '"default";q=0;qu="concurrent-requests"', '"default";r=0']);
  });

  it('shows no client a dry run', async () => {
    const app = serving(limit(new Semaphore(1), { ...on, dryRun: true }));
    expect(await headersOf(app)).toEqual([200, undefined, undefined]);
  });

  it('writes any name and any number as a structured field', async () => {
    const named = new Semaphore(Number.MAX_SAFE_INTEGER, { name: 'a "b" \\ \n ü' });
    expect(await headersOf(serving(limit(named, on)))).toEqual([
      200,
      '"a \\"b\\" \\\\ ? ?";q=999999999999999;qu="concurrent-requests"',
      '"a \\"b\\" \\\\ ? ?";r=999999999999999',
    ]);
  });

  it('has an item for each part of a chain, with its name, also when the shared limit rejects', async () => {
    const perUser = new KeyedSemaphore(() => new Semaphore(2), { name: 'per-user' });
    const perTenant = new KeyedSemaphore(() => new Semaphore(4), { name: 'per-tenant' });
    const api = new Semaphore(1, { name: 'api', queueLimit: 0 });
    const all = chain(perUser, [perTenant, () => 'acme'], chain(api));
    const app = serving(limit(all, { key: (req) => String(req.url), ...on }));
    const policy =
      '"per-user";q=2;qu="concurrent-requests", "per-tenant";q=4;qu="concurrent-requests", "api";q=1;qu="concurrent-requests"';
    expect(await headersOf(app, '/ann')).toEqual([
      200,
      policy,
      '"per-user";r=1, "per-tenant";r=3, "api";r=0',
    ]);
    const held = await all.acquire('/bob');
    expect(await headersOf(app, '/ann')).toEqual([
      503,
      policy,
      '"per-user";r=2, "per-tenant";r=3, "api";r=0',
    ]);
    expect([...perTenant].map(([key]) => key)).toEqual(['acme']);
    held.release();
  });

  it('takes the figures of a foreign limiter from its stats', async () => {
    const small = new Semaphore(3);
    const foreign: Limiter = {
      acquire: small.acquire.bind(small),
      tryAcquire: small.tryAcquire.bind(small),
      run: small.run.bind(small),
      close: small.close.bind(small),
      idle: small.idle.bind(small),
      stats: small.stats.bind(small),
    };
    const app = serving(limit(chain(new Semaphore(9), foreign), on));
    expect((await headersOf(app))[2]).toBe('"default";r=8, "default";r=2');
  });
});

describe('message', () => {
  it('is the detail of the built-in answer', async () => {
    const options = { maxWaitMs: 0, message: 'Too busy. Try again soon.' };
    const app = serving(limit(new Semaphore(0), options));
    const answer = await request(app).get('/').expect(503);
    expect(answer.body).toMatchObject({
      detail: 'Too busy. Try again soon.',
      code: 'ERR_SEMAPHORE_WAIT_TIMEOUT',
    });
    const other = await request(serving(limit(new Semaphore(0), { maxWaitMs: 0 }))).get('/');
    expect(other.body).toMatchObject({ detail: 'no permit came free in time' });
  });
});

describe('limit.defaults', () => {
  it('shares its options, and lets a call replace them', async () => {
    const onRejected = jest.fn((_req: unknown, res: express.Response) => res.status(529).end());
    const limited = limit.defaults<express.Request, express.Response>({ onRejected, maxWaitMs: 0, ...on });
    const keyed = new KeyedSemaphore(() => new Semaphore(0));
    expect(await headersOf(serving(limited(new Semaphore(0), { maxWaitMs: undefined }) as never))).toEqual([
      529,
      expect.any(String),
      '"default";r=0',
    ]);
    await request(serving(limited(keyed, { key: (req) => req.ip }) as never))
      .get('/')
      .expect(529);
    const app = serving(
      limited(new Semaphore(0), { onRejected: (_req, res) => res.status(530).end() }) as never,
    );
    await request(app).get('/').expect(530);
    expect(onRejected).toHaveBeenCalledTimes(2);
  });

  it('needs no options of the call', async () => {
    const { text } = await request(serving(limit.defaults({})(new Semaphore(1)))).get('/');
    expect(text).toBe('served');
  });

  it('rejects what is no object', () => {
    expect(() => limit.defaults(5 as never)).toThrow(new TypeError('defaults must be an object, got 5'));
    expect(() => limit.defaults({})(new Semaphore(1), 5 as never)).toThrow('options must be an object');
  });
});
