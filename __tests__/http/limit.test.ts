import { AsyncLocalStorage } from 'node:async_hooks';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import connect from 'connect';
import express from 'express';
import request from 'supertest';
import { ClosedError, KeyedSemaphore, TooManyKeysError, limit, permitOf, Semaphore } from 'express-semaphore';
import type { Limiter } from 'express-semaphore';
import { FakeClock } from 'express-semaphore/testing';
import { defer, serve, until } from '../helpers/serve';
import { watch } from '../helpers/watch';

function spiedOn(semaphore: Semaphore): Limiter & { readonly calls: string[] } {
  const calls: string[] = [];
  return {
    calls,
    acquire: (options) => (calls.push('acquire'), semaphore.acquire(options)),
    tryAcquire: (options) => (calls.push('tryAcquire'), semaphore.tryAcquire(options)),
    run: (work, options) => semaphore.run(work, options),
    close: (reason) => {
      semaphore.close(reason);
    },
    idle: () => semaphore.idle(),
    stats: () => semaphore.stats(),
  };
}

describe('limit with a free permit', () => {
  it('calls next synchronously, without a promise', async () => {
    const limiter = spiedOn(new Semaphore(1));
    const limited = limit(limiter);
    const order: string[] = [];
    await using server = await serve((req, res) => {
      limited(req, res, () => order.push('next'));
      order.push('returned');
      res.end();
    });
    await request(server.url).get('/').expect(200);
    expect(order).toEqual(['next', 'returned']);
    expect(limiter.calls).toEqual(['tryAcquire']);
  });

  it('is a function of three parameters, as hosts require', () => {
    expect(limit(new Semaphore(1))).toHaveLength(3);
  });

  it('releases when the response is over, and not before', async () => {
    const semaphore = new Semaphore(1);
    const app = express();
    app.use(limit(semaphore));
    app.get('/', (_req, res) => {
      expect(semaphore.held).toBe(1);
      res.write('half');
      expect(semaphore.held).toBe(1);
      res.end();
    });
    await request(app).get('/').expect(200);
    await semaphore.idle();
    expect(semaphore.stats()).toMatchObject({ held: 0, acquired: 1 });
  });

  it.each([
    ['HEAD', () => request(appOf(ok)).head('/').expect(200)],
    [
      '204',
      () =>
        request(appOf((res) => res.status(204).end()))
          .get('/')
          .expect(204),
    ],
    [
      '304',
      () =>
        request(appOf((res) => res.status(304).end()))
          .get('/')
          .expect(304),
    ],
    ['an error thrown', () => request(appOf(throwNow)).get('/').expect(500)],
    ['a rejection', () => request(appOf(rejectNow)).get('/').expect(500)],
    ['a parsed body', () => request(appOf(ok)).post('/').send({ a: 1 }).expect(200)],
  ])('releases after %s', async (_name, exchange) => {
    await exchange();
    await shared.idle();
    expect(shared.held).toBe(0);
  });

  it('releases with ignore after a rejection by another limiter', async () => {
    const [free, full] = [new Semaphore(1), new Semaphore(0)];
    const app = express().use(limit(free), limit(full, { maxWaitMs: 0 }));
    await request(app).get('/').expect(503);
    await free.idle();
    expect(free.stats().released).toEqual({ success: 0, overload: 0, ignore: 1 });
  });

  it('acquires the weight of the request', async () => {
    const semaphore = new Semaphore(5);
    const app = express();
    app.use(limit(semaphore, { weight: (req) => Number(req.headers['x-weight']) }));
    app.get('/', (_req, res) => res.send(String(semaphore.held)));
    await request(app).get('/').set('x-weight', '3').expect(200, '3');
    await request(app).get('/').set('x-weight', '0').expect(500);
    await request(app).get('/').set('x-weight', '6').expect(500);
    await semaphore.idle();
  });

  it('passes skipped requests without a permit', async () => {
    const semaphore = new Semaphore(0);
    const app = express();
    app.use(limit(semaphore, { maxWaitMs: 0, skip: (req) => req.url === '/health' }));
    app.use((_req, res) => res.send(String(permitOf(res)?.weight)));
    await request(app).get('/health').expect(200, 'undefined');
    await request(app).get('/other').expect(503);
  });

  it('passes an error on when skip returns no boolean: a promise is not yes', async () => {
    const app = express();
    const skip = (() => Promise.resolve(false)) as unknown as () => boolean;
    app.use(limit(new Semaphore(1), { skip }));
    app.use((_req, res) => res.send('passed'));
    await request(app)
      .get('/')
      .expect(500, /what skip returns must be a boolean, got a promise/);
  });

  it('acquires one permit of a limiter that is mounted twice, and one of each of two limiters', async () => {
    const [one, other] = [new Semaphore(1), new Semaphore(1)];
    const app = express();
    app.use(limit(one), limit(other), limit(one));
    app.get('/', (_req, res) => {
      expect(permitOf(res)).toBe(permitOf(res, other));
      expect(permitOf(res, one)).not.toBe(permitOf(res, other));
      expect(permitOf(res, new Semaphore(1))).toBeUndefined();
      res.send(`${one.held} ${other.held}`);
    });
    await request(app).get('/').expect(200, '1 1');
    await Promise.all([one.idle(), other.idle()]);
  });

  it('serves Connect', async () => {
    const semaphore = new Semaphore(1);
    const app = connect();
    app.use(limit(semaphore));
    app.use((_req, res) => res.end(String(semaphore.held)));
    await request(app).get('/').expect(200, '1');
    await semaphore.idle();
  });
});

describe('limit without a free permit', () => {
  it('queues, in order, and serves each when a permit is released', async () => {
    const semaphore = new Semaphore(1);
    const limited = limit(semaphore, { maxWaitMs: Infinity });
    const served: string[] = [];
    const open = defer();
    await using server = await serve((req, res) => {
      limited(req, res, () => {
        served.push(req.url ?? '');
        void open.promise.then(() => res.end());
      });
    });
    const answers = [];
    for (const [index, path] of ['/a', '/b', '/c'].entries()) {
      answers.push(fetch(server.url + path));
      await until(() => semaphore.held + semaphore.waiting === index + 1);
    }
    expect(served).toEqual(['/a']);
    open.resolve();
    for (const answer of await Promise.all(answers)) expect(answer.status).toBe(200);
    expect(served).toEqual(['/a', '/b', '/c']);
  });

  it('answers a rejection with status, Retry-After and problem+json', async () => {
    const semaphore = new Semaphore(1, { queueLimit: 0 });
    using permit = await semaphore.acquire();
    // With jitter it would be 2.
    jest.spyOn(Math, 'random').mockReturnValue(0.99);
    const app = express().use(limit(semaphore, { retryJitter: false }));
    const answer = await request(app).get('/').set('Connection', 'keep-alive').expect(503);
    jest.restoreAllMocks();
    expect(permit.weight).toBe(1);
    expect(answer.headers).toMatchObject({
      'retry-after': '1',
      'content-type': 'application/problem+json',
      connection: 'keep-alive',
    });
    expect(answer.body).toEqual({
      title: 'Service Unavailable',
      status: 503,
      detail: 'the queue is full',
      code: 'ERR_SEMAPHORE_QUEUE_FULL',
    });
  });

  it.each([
    [{}, 1_000],
    [{ maxWaitMs: 5_000 }, 5_000],
  ])('with %j, lets a request wait %i ms and no longer', async (options, ms) => {
    const clock = new FakeClock();
    const semaphore = new Semaphore(0, { clock });
    await using server = await serve(express().use(limit(semaphore, options)));
    const answer = watch(fetch(server.url));
    await until(() => semaphore.waiting === 1);
    clock.advance(ms - 1);
    expect(semaphore.waiting).toBe(1);
    clock.advance(1);
    expect(semaphore.waiting).toBe(0);
    await until(() => answer.state !== 'pending');
    expect(answer.value.status).toBe(503);
  });

  it('releases with ignore a permit that is granted in the tick in which the response ends', async () => {
    const semaphore = new Semaphore(1);
    const blocker = await semaphore.acquire();
    const { req, res } = fakeExchange();
    const next = jest.fn();
    limit(semaphore)(req, res, next);
    blocker.release();
    res.emit('close');
    await semaphore.idle();
    expect(next).not.toHaveBeenCalled();
    expect(semaphore.stats().released).toEqual({ success: 1, overload: 0, ignore: 1 });
  });

  it('rejects after maxWaitMs', async () => {
    const app = express().use(limit(new Semaphore(0), { maxWaitMs: 1, statusCode: 429 }));
    const answer = await request(app).get('/').expect(429);
    expect(answer.body).toMatchObject({ code: 'ERR_SEMAPHORE_WAIT_TIMEOUT', title: 'Too Many Requests' });
  });

  it('closes the connection when the limiter is closed', async () => {
    const semaphore = new Semaphore(1);
    semaphore.close();
    const answer = await request(express().use(limit(semaphore)))
      .get('/')
      .set('Connection', 'keep-alive')
      .expect(503);
    expect(answer.headers['connection']).toBe('close');
  });

  it('lets onRejected answer, with the rejection', async () => {
    const app = express();
    app.use(
      limit(new Semaphore(0), {
        maxWaitMs: 0,
        onRejected: (_req, res, _next, { code, status }) => {
          res.status(418).send(`${code} ${status}`);
        },
      }),
    );
    await request(app).get('/').expect(418, 'ERR_SEMAPHORE_WAIT_TIMEOUT 503');
  });

  it('lets onRejected pass the rejection on, with a status and headers that Express uses', async () => {
    const app = express();
    const keyed = new KeyedSemaphore(() => new Semaphore(0));
    app.use(
      limit(keyed, {
        key: () => 'k',
        maxWaitMs: 0,
        onRejected: (_req, _res, next, rejection) => {
          next(rejection);
        },
      }),
    );
    const errors: unknown[] = [];
    app.use(((error: unknown, _req, _res, next) => {
      errors.push(error);
      next(error);
    }) as express.ErrorRequestHandler);
    await request(app).get('/').expect(429);
    expect(errors).toHaveLength(1);
  });

  it('leaves a response that has begun to the error handler', async () => {
    const failed = defer<unknown>();
    const limited = limit(new Semaphore(0), { maxWaitMs: 0 });
    await using server = await serve((req, res) => {
      res.write('begun');
      limited(req, res, (error) => {
        failed.resolve(error);
        res.end();
      });
    });
    await request(server.url).get('/').expect(200, 'begun');
    expect(await failed.promise).toMatchObject({ code: 'ERR_SEMAPHORE_WAIT_TIMEOUT' });
  });

  it('does not touch a response that has been ended, which arrives complete', async () => {
    const app = express();
    app.use((_req, res, next) => {
      res.status(202).end('x'.repeat(5_000_000));
      next();
    });
    app.use(limit(new Semaphore(0), { maxWaitMs: 0 }));
    await using server = await serve(app);
    const answer = await fetch(server.url);
    expect((await answer.text()).length).toBe(5_000_000);
  });

  it('passes what next throws to the same request, and serves the others', async () => {
    const semaphore = new Semaphore(1);
    const limited = limit(semaphore, { maxWaitMs: Infinity });
    const blocker = await semaphore.acquire();
    await using server = await serve((req, res) => {
      limited(req, res, (error) => {
        if (error instanceof Error) res.writeHead(500).end(error.message);
        else if (req.url === '/bad') throw new Error('mine');
        else res.end('fine');
      });
    });
    const bad = request(server.url).get('/bad').expect(500, 'mine').then();
    await until(() => semaphore.waiting === 1);
    const good = request(server.url).get('/good').expect(200, 'fine').then();
    await until(() => semaphore.waiting === 2);
    expect(() => {
      blocker.release();
    }).not.toThrow();
    await Promise.all([bad, good]);
    await semaphore.idle();
  });

  it('keeps each of 50 users in its own async context', async () => {
    const semaphore = new Semaphore(2);
    const context = new AsyncLocalStorage<string>();
    const app = express();
    app.use((req, _res, next) => {
      context.run(req.url, next);
    });
    app.use(limit(semaphore, { maxWaitMs: Infinity }));
    app.use((_req, res) => {
      setImmediate(() => res.send(context.getStore()));
    });
    await using server = await serve(app);
    const paths = Array.from({ length: 50 }, (_, index) => `/user/${index}`);
    const blockers = [await semaphore.acquire(), await semaphore.acquire()];
    const answers = paths.map(async (path) => (await fetch(server.url + path)).text());
    await until(() => semaphore.waiting === paths.length);
    for (const blocker of blockers) blocker.release();
    const stores = await Promise.all(answers);
    expect(stores).toEqual(paths);
  });

  it('passes 10,000 queued requests that release synchronously', async () => {
    const semaphore = new Semaphore(1);
    const blocker = await semaphore.acquire();
    const limited = limit(semaphore, { maxWaitMs: Infinity });
    let served = 0;
    for (let index = 0; index < 10_000; index++) {
      const { req, res } = fakeExchange();
      limited(req, res, () => {
        served++;
        permitOf(res)?.release();
      });
    }
    expect(semaphore.waiting).toBe(10_000);
    blocker.release();
    await semaphore.idle();
    expect(served).toBe(10_000);
  });
});

describe('limit by key', () => {
  it('limits each key by itself and answers 429', async () => {
    const keyed = new KeyedSemaphore(() => new Semaphore(1, { queueLimit: 0 }));
    using permit = await keyed.acquire('alice');
    const app = express();
    app.use(limit(keyed, { key: (req) => req.get('x-user') }));
    app.use((_req, res) => res.send('served'));
    expect(permit.weight).toBe(1);
    await request(app).get('/').set('x-user', 'alice').expect(429);
    await request(app).get('/').set('x-user', 'bob').expect(200);
  });

  it('takes asynchronous keys, and acquires one permit for each of two keys', async () => {
    const keyed = new KeyedSemaphore(() => new Semaphore(1));
    const app = express();
    app.use(
      limit(keyed, { key: (req) => Promise.resolve(req.url) }),
      limit(keyed, { key: () => 'all' }),
      limit(keyed, { key: () => 'all' }),
    );
    app.use((_req, res) => res.send(String(keyed.size)));
    await request(app).get('/').expect(200, '2');
    await keyed.idle();
  });

  it.each<[string, () => unknown]>([
    ['undefined', () => undefined],
    ['a number', () => 7],
    ['a promise of undefined', () => Promise.resolve(undefined)],
    ['a rejection', () => Promise.reject(new Error('what key returns must be a string'))],
    [
      'an exception',
      () => {
        throw new Error('what key returns must be a string');
      },
    ],
  ])('fails closed on a key that is %s', async (_name, key) => {
    const keyed = new KeyedSemaphore(() => new Semaphore(1));
    const app = express();
    app.use(limit(keyed, { key: key as () => string }));
    app.use((_req, res) => res.send('passed'));
    await request(app)
      .get('/')
      .expect(500, /what key returns must be a string/);
    expect(keyed.size).toBe(0);
  });

  it('answers 503 when the map of keys is full or closed, because that is not the limit of one user', async () => {
    const keyed = new KeyedSemaphore(() => new Semaphore(1), { maxKeys: 1 });
    using permit = await keyed.acquire('other');
    const app = express().use(limit(keyed, { key: (req) => req.url }));
    expect(permit.weight).toBe(1);
    const full = await request(app).get('/a').expect(503);
    expect(full.body).toMatchObject({ code: new TooManyKeysError('').code });
    keyed.close();
    const closed = await request(app).get('/a').expect(503);
    expect(closed.body).toMatchObject({ code: new ClosedError('').code });
  });
});

describe('the options of limit', () => {
  const semaphore = new Semaphore(1);
  const keyed = new KeyedSemaphore(() => semaphore);
  it.each<[string, () => unknown, string]>([
    [
      'limiter',
      () => limit({} as unknown as Semaphore),
      'limiter must be a limiter, such as new Semaphore(10), got an object',
    ],
    [
      'limiter',
      () => limit(undefined as unknown as Semaphore),
      'limiter must be a limiter, such as new Semaphore(10), got undefined',
    ],
    [
      'maxWaitMs',
      () => limit(semaphore, { maxWaitMs: -1 }),
      'maxWaitMs must be 0 to 2147483647 milliseconds or Infinity, got -1',
    ],
    [
      'statusCode',
      () => limit(semaphore, { statusCode: 200 }),
      'statusCode must be an integer from 400 to 599, got 200',
    ],
    [
      'statusCode',
      () => limit(semaphore, { statusCode: 600 }),
      'statusCode must be an integer from 400 to 599, got 600',
    ],
    ['weight', () => limit(semaphore, { weight: 0 }), 'weight must be an integer of at least 1, got 0'],
    [
      'onRejected',
      () => limit(semaphore, { onRejected: 1 as never }),
      'onRejected must be a function, got 1',
    ],
    [
      'isOverload',
      () => limit(semaphore, { isOverload: 1 as never }),
      'isOverload must be a function, got 1',
    ],
    ['skip', () => limit(semaphore, { skip: 'x' as never }), 'skip must be a function, got "x"'],
    ['dryRun', () => limit(semaphore, { dryRun: 1 as never }), 'dryRun must be a boolean, got 1'],
    ['key', () => limit(keyed, {} as never), 'key must be a function, such as clientKey(), got undefined'],
    [
      'key',
      () => limit(semaphore, { key: () => 'x' } as never),
      'key needs a KeyedSemaphore, got a limiter without keys',
    ],
  ])('are checked when it is made: %s', (_name, make, message) => {
    expect(make).toThrow(message);
  });
});

const shared = new Semaphore(1);

function appOf(answer: (res: express.Response) => unknown): express.Express {
  const app = express();
  app.use(express.json(), limit(shared, { maxWaitMs: 0 }));
  app.use((_req, res) => answer(res));
  app.use(((_error, _req, res, next) => {
    if (res.headersSent) next(_error);
    else res.status(500).end();
  }) as express.ErrorRequestHandler);
  return app;
}

function ok(res: express.Response): void {
  res.json({ ok: true });
}

function throwNow(): never {
  throw new Error('thrown');
}

function rejectNow(): Promise<never> {
  return Promise.reject(new Error('rejected'));
}

/** A pair that no server made: enough to be queued, 10,000 times. */
function fakeExchange(): { req: IncomingMessage; res: ServerResponse } {
  const req = new IncomingMessage(new Socket());
  const res = new ServerResponse(req);
  res.assignSocket(req.socket);
  return { req, res };
}
