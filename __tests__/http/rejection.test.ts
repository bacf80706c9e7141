import { ServerResponse } from 'node:http';
import express from 'express';
import type { ErrorRequestHandler } from 'express';
import request from 'supertest';
import { isSemaphoreError, KeyedSemaphore, limit, Semaphore } from 'express-semaphore';
import type { Limiter, LimitOptions } from 'express-semaphore';
import { BackendError } from 'express-semaphore/redis';
import { FakeClock } from 'express-semaphore/testing';
import { serve, until } from '../helpers/serve';
import { collectWarnings } from '../helpers/warnings';

const HOSTS: [string, () => express.Express][] = [
  ['Express 5', express],
  ['Express 4', jest.requireActual<() => express.Express>('express4')],
];

const passOn: NonNullable<LimitOptions['onRejected']> = (_req, _res, next, rejection) => {
  next(rejection);
};

const ANSWERS: [string, LimitOptions][] = [
  ['the built-in answer', {}],
  ['next(rejection)', { onRejected: passOn }],
];

afterEach(() => {
  jest.restoreAllMocks();
});

describe('a rejection', () => {
  it.each(
    HOSTS.flatMap(([host, makeApp]) =>
      ANSWERS.map(([how, options]) => [host, how, makeApp, options] as const),
    ),
  )(
    'in %s, by %s, carries no header that an earlier middleware set for a success',
    async (_host, how, makeApp, options) => {
      const forSuccess = {
        'Transfer-Encoding': 'chunked',
        'Content-Encoding': 'gzip',
        'Content-Range': 'bytes 0-1/2',
        'Content-Language': 'de',
        'Content-Disposition': 'attachment',
        'Content-Location': '/1',
        'Content-Digest': 'sha-256=:YQ==:',
        Location: '/1',
        'CDN-Cache-Control': 'max-age=60',
        'Vercel-CDN-Cache-Control': 'max-age=60',
        'Surrogate-Control': 'max-age=60',
        'X-Accel-Redirect': '/1',
        'X-Sendfile': '/1',
        'Content-MD5': 'YQ==',
        Signature: 'sig1=:YQ==:',
        ETag: '"1"',
        'Last-Modified': 'Fri, 01 Mar 2024 00:00:00 GMT',
        'Accept-Ranges': 'bytes',
        Trailer: 'X-Sum',
        'Cache-Control': 'max-age=60',
      };
      const forAll = {
        'Access-Control-Allow-Origin': '*',
        'X-Request-Id': '7',
        'Strict-Transport-Security': 'max-age=1',
        'Content-Security-Policy': "default-src 'self'",
        Vary: 'Origin',
      };
      const app = makeApp().set('env', 'test');
      app.use((_req, res, next) => {
        res.statusMessage = 'Made';
        res.set({ ...forSuccess, ...forAll });
        next();
      });
      app.use(rejecting(options));
      app.use(((error, _req, res, next) => {
        if (isSemaphoreError(error)) res.status(error.status).end('own page');
        else next(error);
      }) satisfies ErrorRequestHandler);
      await using server = await serve(app);
      const answer = await fetch(server.url);
      expect(await answer.text()).toMatch(how === 'next(rejection)' ? 'own page' : '"status":503');
      expect(answer).toMatchObject({ status: 503, statusText: 'Service Unavailable' });
      const left = Object.keys(forSuccess).filter((name) => answer.headers.has(name));
      expect(left).toEqual(['Cache-Control']);
      expect(answer.headers.get('cache-control')).toBe('no-store');
      for (const [name, value] of Object.entries(forAll)) expect(answer.headers.get(name)).toBe(value);
    },
  );

  it('given to next() has neither the type nor the length of the content of a success', async () => {
    const limited = rejecting({ onRejected: passOn });
    await using server = await serve((req, res) => {
      res.setHeader('Content-Type', 'video/mp4').setHeader('Content-Length', 70);
      limited(req, res, () => res.writeHead(503).end('own page'));
    });
    const answer = await fetch(server.url);
    expect(await answer.text()).toBe('own page');
    expect(answer.headers.get('content-type')).toBeNull();
  });

  it.each([
    ['that no middleware touched', () => undefined],
    [
      'whose writeHead was replaced for all responses by one that returns nothing',
      () => {
        // eslint-disable-next-line @typescript-eslint/unbound-method -- its `this` is that of each call
        const { writeHead } = ServerResponse.prototype;
        jest.spyOn(ServerResponse.prototype, 'writeHead').mockImplementation(function (
          this: ServerResponse,
          ...all
        ) {
          Reflect.apply(writeHead, this, all);
          return undefined as never;
        });
      },
    ],
    ['with a header of a success', (res: ServerResponse) => res.setHeader('Content-Encoding', 'gzip')],
    [
      'whose writeHead was replaced by one that knows no raw headers',
      (res: ServerResponse) => {
        const writeHead = res.writeHead.bind(res);
        res.writeHead = (status: number, headers?: unknown) => {
          if (Array.isArray(headers)) throw new Error('raw headers');
          return writeHead(status);
        };
      },
    ],
  ])('has the same status, headers and body on a response %s', async (_what, prepare) => {
    const limited = rejecting({ retryJitter: false });
    await using server = await serve((req, res) => {
      prepare(res);
      limited(req, res, () => res.end('served'));
    });
    for (let i = 0; i < 2; i++) {
      const answer = await fetch(server.url);
      jest.restoreAllMocks();
      const body = await answer.text();
      expect(answer.status).toBe(503);
      expect(Object.fromEntries(answer.headers)).toMatchObject({
        'retry-after': '1',
        'cache-control': 'no-store',
        'content-type': 'application/problem+json',
        'content-length': String(Buffer.byteLength(body)),
      });
      expect(JSON.parse(body)).toEqual({
        title: 'Service Unavailable',
        status: 503,
        detail: expect.any(String) as string,
        code: 'ERR_SEMAPHORE_WAIT_TIMEOUT',
      });
    }
  });

  it('has the status of its scope: 429 for one key, 503 for all keys and for a backend behind a key', async () => {
    const failing = new Semaphore(1);
    jest.spyOn(failing, 'acquire').mockRejectedValue(new BackendError('Redis is unusable'));
    const foreign = { ...foreignOf(failing), tryAcquire: () => undefined };
    const limiters: Record<string, KeyedSemaphore> = {
      '/key': new KeyedSemaphore(() => new Semaphore(0, { queueLimit: 0 })),
      '/keys': new KeyedSemaphore(() => new Semaphore(1), { maxKeys: 1 }),
      '/backend': new KeyedSemaphore(() => foreign),
    };
    limiters['/keys']?.tryAcquire('other');
    const app = express();
    for (const [path, keyed] of Object.entries(limiters)) app.use(path, limit(keyed, { key: () => 'k' }));
    await request(app).get('/key').expect(429);
    await request(app).get('/keys').expect(503);
    const answer = await request(app).get('/backend').expect(503);
    expect(answer.body).toMatchObject({ code: 'ERR_SEMAPHORE_BACKEND' });
  });

  it.each<[string, () => express.RequestHandler]>([
    ['QUEUE_FULL', () => limit(new Semaphore(0, { queueLimit: 0 }))],
    ['WAIT_TIMEOUT', () => limit(new Semaphore(0, { queueLimit: 7 }), { maxWaitMs: 7 })],
    ['WAIT_TOO_LONG', () => limit(new Semaphore(7), { deadlineMs: 0.001 })],
    ['CLOSED', () => limit(closed(), { maxWaitMs: 7 })],
    ['QUEUE_CLEARED', cleared],
    ['HOLD_TIMEOUT', () => limit(new Semaphore(7, { maxHoldMs: 7 }))],
    ['HOLD_TIMEOUT', () => limit(new Semaphore(7), { maxHoldMs: 7 })],
    ['KEY_LIMIT', () => limit(full(), { key: () => 'k7' })],
  ])('by %s has a text without a figure of the limit', async (code, make) => {
    const app = express().use(make(), () => undefined);
    const answer = await request(app).get('/').expect(503);
    expect(answer.body).toEqual({
      title: 'Service Unavailable',
      status: 503,
      detail: expect.not.stringMatching(/\d/) as string,
      code: `ERR_SEMAPHORE_${code}`,
    });
  });

  it('has no stack, which would show only the host; a rejection of acquire has one', async () => {
    const stacks: (string | undefined)[] = [];
    const keep: LimitOptions['onRejected'] = (_req, res, _next, { stack }) => {
      stacks.push(stack);
      res.end();
    };
    await request(express().use(rejecting({ onRejected: keep }))).get('/');
    await new Semaphore(0).acquire({ maxWaitMs: 0 }).catch((error: unknown) => {
      if (isSemaphoreError(error)) stacks.push(error.stack);
    });
    expect(stacks).toEqual([expect.not.stringContaining('\n'), expect.stringContaining('rejection.test.ts')]);
  });

  it('has no body for HEAD, but its length', async () => {
    const answer = await request(express().use(rejecting())).head('/').expect(503);
    expect(answer.text).toBeUndefined();
    expect(Number(answer.headers['content-length'])).toBeGreaterThan(0);
  });

  it('names a status that Node has no phrase for', async () => {
    const answer = await request(express().use(rejecting({ statusCode: 599 })))
      .get('/')
      .expect(599);
    expect(answer.body).toMatchObject({ title: 'Rejected', status: 599 });
  });

  it('estimates Retry-After in whole seconds from the rate of releases', async () => {
    const clock = new FakeClock();
    const semaphore = new Semaphore(1, { queueLimit: 20, clock });
    const app = express().use(limit(semaphore, { retryJitter: false }));
    let holder = await semaphore.acquire();
    const waiters = Array.from({ length: 20 }, () => semaphore.acquire());
    await request(app).get('/').expect(503).expect('Retry-After', '1');
    for (const waiter of waiters.slice(0, 10)) {
      clock.advance(1_000);
      holder.release();
      holder = await waiter;
    }
    // The limit rejects it, since ten waiters are ahead, one second each.
    const { headers } = await request(app).get('/').expect(503);
    expect(Number(headers['retry-after'])).toBeGreaterThan(5);
    expect(Number.isInteger(Number(headers['retry-after']))).toBe(true);
  });

  describe.each(HOSTS)('in %s', (_host, makeApp) => {
    it('given to next() has its status, and shows the client no stack', async () => {
      const app = makeApp().set('env', 'production');
      const log = jest.spyOn(console, 'error').mockImplementation(() => undefined);
      app.use(rejecting({ onRejected: passOn }));
      const { text } = await request(app).get('/').expect(503);
      expect(text).not.toContain('lib/');
      await until(() => log.mock.calls.length > 0);
    });

    it('is not logged when limit answers it, and once by the host when its last handler gets it', async () => {
      const log = jest.spyOn(console, 'error').mockImplementation(() => undefined);
      const answered = makeApp().set('env', 'production').use(rejecting());
      await request(answered).get('/').expect(503).expect('Content-Type', 'application/problem+json');
      const passed = makeApp()
        .set('env', 'production')
        .use(rejecting({ onRejected: passOn }));
      await request(passed).get('/').expect(503);
      await until(() => log.mock.calls.length > 0);
      expect(log).toHaveBeenCalledTimes(1);
    });
  });

  it.each<[string, LimitOptions['onRejected']]>([
    [
      'throws',
      () => {
        throw new Error('of the handler');
      },
    ],
    ['rejects', () => Promise.reject(new Error('of the handler'))],
  ])('goes to the error handler when onRejected %s, at once and after a wait', async (_how, handler) => {
    for (const maxWaitMs of [0, 1]) {
      const app = express().use(limit(new Semaphore(0), { maxWaitMs, onRejected: handler }));
      app.set('env', 'test');
      await request(app)
        .get('/')
        .expect(500, /of the handler/);
    }
  });

  it('gets the built-in answer when onRejected rejects with it and next throws', async () => {
    const warnings = collectWarnings();
    const limited = rejecting({ onRejected: (_req, _res, _next, rejection) => Promise.reject(rejection) });
    await using server = await serve((req, res) => {
      limited(req, res, (error) => {
        throw new RangeError('no status', { cause: error });
      });
    });
    expect((await fetch(server.url)).status).toBe(503);
    expect(warnings).toContainEqual(expect.objectContaining({ code: 'WARN_SEMAPHORE_NEXT_FAILED' }));
  });
});

/** The limiter as another package would make it. */
function foreignOf(limiter: Limiter): Limiter {
  return {
    acquire: (options) => limiter.acquire(options),
    tryAcquire: (options) => limiter.tryAcquire(options),
    run: (work, options) => limiter.run(work, options),
    close: (reason) => {
      limiter.close(reason);
    },
    idle: () => limiter.idle(),
    stats: () => limiter.stats(),
  };
}

function closed(): Semaphore {
  const semaphore = new Semaphore(7);
  semaphore.close();
  return semaphore;
}

function full(): KeyedSemaphore {
  const keyed = new KeyedSemaphore(() => new Semaphore(7), { maxKeys: 1 });
  keyed.tryAcquire('other');
  return keyed;
}

/** Middleware that clears the queue of its limiter when the request is in it. */
function cleared(): express.RequestHandler {
  const semaphore = new Semaphore(0, { queueLimit: 7 });
  const limited = limit(semaphore);
  return (req, res, next) => {
    limited(req, res, next);
    semaphore.clear();
  };
}

function rejecting(options: LimitOptions = {}): ReturnType<typeof limit> {
  return limit(new Semaphore(0), { maxWaitMs: 0, ...options });
}
