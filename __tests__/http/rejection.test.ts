import express from 'express';
import request from 'supertest';
import { isSemaphoreError, limit, Semaphore } from 'express-semaphore';
import type { LimitOptions } from 'express-semaphore';
import { FakeClock } from '../helpers/clock';
import { serve, until } from '../helpers/serve';

const HOSTS: [string, () => express.Express][] = [
  ['Express 5', express],
  ['Express 4', jest.requireActual<() => express.Express>('express4')],
];

afterEach(() => {
  jest.restoreAllMocks();
});

describe('a rejection', () => {
  it('may be stored by nobody, whatever an earlier middleware said of caching', async () => {
    const app = express();
    app.use((_req, res, next) => {
      res.set('Cache-Control', 'max-age=60');
      next();
    });
    app.use(refusing());
    await request(app).get('/').expect(503).expect('Cache-Control', 'no-store');
  });

  it('can be read, whatever encoding an earlier middleware has announced', async () => {
    const app = express();
    app.use((_req, res, next) => {
      res.set('Content-Encoding', 'gzip');
      next();
    });
    app.use(refusing());
    await using server = await serve(app);
    const answer = await fetch(server.url);
    expect(await answer.json()).toMatchObject({ status: 503 });
  });

  it('has no stack, which would show nothing but the host; one that acquire makes for others has', async () => {
    const stacks: (string | undefined)[] = [];
    const keep: LimitOptions['onRejected'] = (_req, res, _next, { stack }) => {
      stacks.push(stack);
      res.end();
    };
    await request(express().use(refusing({ onRejected: keep }))).get('/');
    await new Semaphore(0).acquire({ maxWaitMs: 0 }).catch((error: unknown) => {
      if (isSemaphoreError(error)) stacks.push(error.stack);
    });
    expect(stacks).toEqual([expect.not.stringContaining('\n'), expect.stringContaining('rejection.test.ts')]);
  });

  it('has no body for HEAD, but says how long one would be', async () => {
    const answer = await request(express().use(refusing())).head('/').expect(503);
    expect(answer.text).toBeUndefined();
    expect(Number(answer.headers['content-length'])).toBeGreaterThan(0);
  });

  it('names a status that Node has no phrase for', async () => {
    const answer = await request(express().use(refusing({ statusCode: 599 })))
      .get('/')
      .expect(599);
    expect(answer.body).toMatchObject({ title: 'Rejected', status: 599 });
  });

  it('says in whole seconds when to come back, from the rate at which permits return', async () => {
    const clock = new FakeClock();
    const semaphore = new Semaphore(1, { queueLimit: 1, clock });
    const app = express().use(limit(semaphore, { maxWaitMs: Infinity, retryJitter: false }));
    app.use((_req, res) => res.send('served'));
    const blocker = await semaphore.acquire();
    const waiting = request(app).get('/').expect(200).then();
    await until(() => semaphore.waiting === 1);
    await request(app).get('/').expect(503).expect('Retry-After', '1');
    clock.advance(5_000);
    blocker.release();
    await waiting;
    await semaphore.idle();
    using held = await semaphore.acquire();
    void semaphore.acquire();
    const { headers } = await request(app).get('/').expect(503);
    expect(held.weight).toBe(1);
    expect(Number(headers['retry-after'])).toBeGreaterThan(1);
    expect(Number.isInteger(Number(headers['retry-after']))).toBe(true);
  });

  describe.each(HOSTS)('in %s', (_host, makeApp) => {
    it('given to next() has its status and Retry-After, and does not tell the client more', async () => {
      const app = makeApp().set('env', 'production');
      const log = jest.spyOn(console, 'error').mockImplementation(() => undefined);
      app.use(refusing({ onRejected: passOn }));
      const { text } = await request(app).get('/').expect(503);
      expect(text).not.toContain('lib/');
      await until(() => log.mock.calls.length > 0);
    });

    it('is logged by nobody when answered by limit, but once by the host when given to its last handler', async () => {
      const log = jest.spyOn(console, 'error').mockImplementation(() => undefined);
      const answered = makeApp().set('env', 'production').use(refusing());
      await request(answered).get('/').expect(503).expect('Content-Type', 'application/problem+json');
      const passed = makeApp()
        .set('env', 'production')
        .use(refusing({ onRejected: passOn }));
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
  ])(
    'goes to the error handler when the handler option %s, at once and after a wait',
    async (_how, handler) => {
      for (const maxWaitMs of [0, 1]) {
        const app = express().use(limit(new Semaphore(0), { maxWaitMs, onRejected: handler }));
        app.set('env', 'test');
        await request(app)
          .get('/')
          .expect(500, /of the handler/);
      }
    },
  );
});

function refusing(options: LimitOptions = {}): ReturnType<typeof limit> {
  return limit(new Semaphore(0), { maxWaitMs: 0, ...options });
}

const passOn: NonNullable<LimitOptions['onRejected']> = (_req, _res, next, rejection) => {
  next(rejection);
};
