import connect from 'connect';
import express from 'express';
import request from 'supertest';
import * as Package from 'express-semaphore';
import { clientKey, limit, limitHandler, permitOf, Semaphore } from 'express-semaphore';
import type { Limiter } from 'express-semaphore';
import { dashboard } from 'express-semaphore/dashboard';
import { collectWarnings } from '../helpers/warnings';

afterEach(() => {
  jest.restoreAllMocks();
});

describe('a mistake in mounting', () => {
  it.each([
    ['limit', 'Express', limit, () => express().set('env', 'test')],
    ['limit', 'Connect', limit, () => connect()],
    ['limitHandler', 'Express', limitHandler, () => express().set('env', 'test')],
    ['limitHandler', 'Connect', limitHandler, () => connect()],
  ])(
    'as %s itself is one clear error in %s, without a warning about options',
    async (name, _host, factory, makeApp) => {
      const warnings = collectWarnings();
      const app = makeApp();
      app.use(factory as never);
      const { text } = await request(app).get('/').expect(500);
      expect(text).toContain(
        `${name} itself was mounted; mount what it returns, as in app.use(limit(new Semaphore(10)))`,
      );
      expect(warnings).toEqual([]);
    },
  );

  it.each([
    ['clientKey', clientKey, 'as in limit(keyed, { key: clientKey() })'],
    ['dashboard', dashboard, 'as in app.use(dashboard({ api }))'],
  ])('as %s itself is one clear error, too', async (name, factory, example) => {
    const warnings = collectWarnings();
    const app = express().set('env', 'test');
    app.use(factory as never);
    const { text } = await request(app).get('/').expect(500);
    expect(text).toContain(`${name} itself was mounted; mount what it returns, ${example}`);
    expect(warnings).toEqual([]);
  });

  it('as a queueLimit that limit gets names the Semaphore', () => {
    const warnings = collectWarnings();
    limit(new Semaphore(1), { queueLimit: 5 } as object);
    expect(warnings).toMatchObject([
      {
        code: 'WARN_SEMAPHORE_UNKNOWN_OPTION',
        message: expect.stringContaining(
          'limit has no option "queueLimit": it belongs to the Semaphore',
        ) as string,
      },
    ]);
  });

  it('as unknown options is one warning for each option', () => {
    const warnings = collectWarnings();
    for (let i = 0; i < 2; i++) limit(new Semaphore(1), { maxWait: 5, status: 429 } as object);
    limitHandler(new Semaphore(1), () => undefined, { maxWait: 5 } as object);
    expect(warnings.map(({ message }) => String(message).split(';')[0])).toEqual([
      'limit has no option "maxWait"',
      'limit has no option "status"',
      'limitHandler has no option "maxWait"',
    ]);
  });

  it('as a semaphore of 0 permits is a warning', () => {
    const warnings = collectWarnings();
    limit(new Semaphore(Number('')));
    expect(warnings).toMatchObject([{ code: 'WARN_SEMAPHORE_NO_PERMITS' }]);
  });
});

describe('a permit that was released early', () => {
  it('is not shared: the same limiter again on the same request acquires a new one', async () => {
    const semaphore = new Semaphore(2, { queueLimit: 50 });
    let running = 0;
    let most = 0;
    const app = express().use(limit(semaphore, { maxWaitMs: 20_000 }));
    app.use((_req, res, next) => {
      permitOf(res)?.release();
      next();
    });
    app.use(limit(semaphore, { maxWaitMs: 20_000 }), async (_req, res) => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running--;
      res.send('served');
    });
    const server = app.listen(0, '127.0.0.1');
    const answers = Array.from({ length: 10 }, () => request(server).get('/').expect(200));
    await Promise.all(answers);
    server.close();
    await semaphore.idle();
    expect(most).toBeLessThanOrEqual(2);
    expect(semaphore.stats().acquired).toBe(20);
  });
});

describe('two copies of the package in one process', () => {
  const one = copy();
  const two = copy();

  it('are two', () => {
    expect(one.Semaphore).not.toBe(two.Semaphore);
  });

  it('share a permit of one limiter on one request', async () => {
    const semaphore = new one.Semaphore(1);
    const app = express().use(one.limit(semaphore), two.limit(semaphore as Limiter, { maxWaitMs: 0 }));
    app.use((_req, res) => res.json([semaphore.held, two.permitOf(res) === one.permitOf(res)]));
    await request(app).get('/').expect(200, [1, true]);
    await semaphore.idle();
  });

  it("know each other's rejections, keyed limiters and stats", async () => {
    const keyed = new one.KeyedSemaphore(() => new two.Semaphore(0, { queueLimit: 0 }));
    const errors: unknown[] = [];
    const app = express().use(
      two.limit(keyed, {
        key: () => 'k',
        onRejected: (_req, res, _next, rejection) => {
          errors.push(rejection);
          res.end();
        },
      }),
    );
    await request(app).get('/').expect(200);
    expect(one.isSemaphoreError(errors[0])).toBe(true);
    expect(errors).toMatchObject([{ status: 429 }]);
    expect(keyed.stats().rejected.ERR_SEMAPHORE_QUEUE_FULL).toBe(1);
  });
});

/** A copy of the package of its own, as a second installation is. */
function copy(): typeof Package {
  const copies: (typeof Package)[] = [];
  jest.isolateModules(() => {
    copies.push(jest.requireActual<typeof Package>('express-semaphore'));
  });
  return copies[0] ?? Package;
}
