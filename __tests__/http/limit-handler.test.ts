import express from 'express';
import request from 'supertest';
import { KeyedSemaphore, limit, limitHandler, permitOf, Semaphore } from 'express-semaphore';
import { allGone, defer, RawClient, serve, until } from '../helpers/serve';
import { collectWarnings } from '../helpers/warnings';
import { turn } from '../helpers/watch';

describe('limitHandler', () => {
  it('holds the permit until the work is done, even if the client has left', async () => {
    const semaphore = new Semaphore(1);
    const query = defer();
    const running = defer();
    const handler = limitHandler(semaphore, async () => {
      running.resolve();
      await query.promise;
    });
    await using server = await serve((req, res) => {
      handler(req, res, () => undefined);
    });
    const client = await RawClient.connect(server.port);
    client.get('/');
    await running.promise;
    client.reset();
    await allGone(server.server);
    expect(semaphore.held).toBe(1);
    query.resolve();
    await semaphore.idle();
    expect(semaphore.held).toBe(0);
  });

  it('holds the permit until the response is over, even if the work is done', async () => {
    const semaphore = new Semaphore(1);
    const finish = defer();
    const handler = limitHandler(semaphore, async (_req, res) => {
      void finish.promise.then(() => res.end('served'));
      await Promise.resolve();
    });
    await using server = await serve((req, res) => {
      handler(req, res, () => undefined);
      setImmediate(() => {
        expect(semaphore.held).toBe(1);
        finish.resolve();
      });
    });
    await request(server.url).get('/').expect(200, 'served');
    await semaphore.idle();
  });

  it('takes a handler that returns nothing, also with a key', async () => {
    const keyed = new KeyedSemaphore(() => new Semaphore(1));
    const app = express();
    app.get(
      '/',
      limitHandler(
        keyed,
        (_req, res) => {
          res.end(String(permitOf(res, keyed)?.weight));
        },
        { key: () => 'k' },
      ),
    );
    await request(app).get('/').expect(200, '1');
    await keyed.idle();
  });

  it.each([false, true])('runs a returned query builder once (dry run: %p)', async (dryRun) => {
    const semaphore = new Semaphore(1);
    const runs = jest.fn();
    const app = express();
    const handler = (_req: unknown, res: express.Response) => ({
      then(resolve: () => void) {
        runs();
        res.send('served');
        resolve();
      },
    });
    app.get('/', limitHandler<express.Request, express.Response>(semaphore, handler, { dryRun }));
    await request(app).get('/').expect(200, 'served');
    await semaphore.idle();
    expect(runs).toHaveBeenCalledTimes(1);
  });

  it('runs for a request that is skipped, with no permit to hold', async () => {
    const handler = limitHandler(
      new Semaphore(0),
      async (_req, res) => {
        await turn();
        res.end(typeof permitOf(res));
      },
      { skip: () => true },
    );
    const thrown: unknown[] = [];
    await using server = await serve((req, res) => {
      try {
        handler(req, res, () => undefined);
      } catch (error) {
        thrown.push(error);
      }
    });
    await request(server.url).get('/').expect(200, 'undefined');
    expect(thrown).toEqual([]);
  });

  it('holds the permit of its own key, whichever was acquired last', async () => {
    const keyed = new KeyedSemaphore(() => new Semaphore(1));
    const work = defer();
    const app = express();
    app.use(limit(keyed, { key: () => 'mine' }), limit(keyed, { key: () => 'other' }));
    const answer = (_req: unknown, res: express.Response) => {
      res.send('served');
      return work.promise;
    };
    app.get('/', limitHandler<express.Request, express.Response>(keyed, answer, { key: () => 'mine' }));
    await request(app).get('/').expect(200);
    await until(() => keyed.stats('other')?.held === 0);
    expect(keyed.stats('mine')?.held).toBe(1);
    work.resolve();
    await keyed.idle();
  });

  it('as a dry run holds a permit that is granted while its handler works', async () => {
    const semaphore = new Semaphore(1);
    const blocker = await semaphore.acquire();
    const [work, closed] = [defer(), defer()];
    const limited = limitHandler(semaphore, () => work.promise, { dryRun: true, maxWaitMs: Infinity });
    await using server = await serve((req, res) => {
      limited(req, res, () => undefined);
      res.once('close', () => {
        closed.resolve();
      });
    });
    const client = await RawClient.connect(server.port);
    client.get('/');
    await until(() => semaphore.waiting === 1);
    blocker.release();
    await until(() => semaphore.stats().acquired === 2);
    client.reset();
    await closed.promise;
    expect(semaphore.held).toBe(1);
    work.resolve();
    await semaphore.idle();
  });

  it('as a dry run holds a permit that was free at once, and passes a rejected promise on', async () => {
    const warnings = collectWarnings();
    const semaphore = new Semaphore(1);
    const work = defer();
    const failed = defer<unknown>();
    const handler = limitHandler(semaphore, () => work.promise, { dryRun: true });
    await using server = await serve((req, res) => {
      handler(req, res, failed.resolve);
      expect(semaphore.held).toBe(1);
      res.end('served');
    });
    const client = await RawClient.connect(server.port);
    client.get('/');
    await client.receives('served');
    client.reset();
    await allGone(server.server);
    expect(semaphore.held).toBe(1);
    work.reject(new Error('mine'));
    expect(await failed.promise).toMatchObject({ message: 'mine' });
    await semaphore.idle();
    jest.restoreAllMocks();
    expect(warnings).toEqual([]);
  });

  it('as a dry run without a permit runs all the same, and passes a rejected promise on', async () => {
    const keyed = new KeyedSemaphore(() => new Semaphore(1, { queueLimit: 0 }));
    using blocker = await keyed.acquire('k');
    const failed: unknown[] = [];
    for (const key of [() => 'k', () => Promise.resolve('k')]) {
      const handler = limitHandler(keyed, () => Promise.reject(new Error('mine')), { dryRun: true, key });
      await using server = await serve((req, res) => {
        handler(req, res, (error) => {
          failed.push(error);
          res.end('failed');
        });
      });
      await request(server.url).get('/').expect(200, 'failed');
    }
    expect(failed).toMatchObject([{ message: 'mine' }, { message: 'mine' }]);
    expect(keyed.stats()).toMatchObject({ held: blocker.weight, waiting: 0 });
  });

  /* eslint-disable @typescript-eslint/prefer-promise-reject-errors -- plain JavaScript may */
  it.each<[string, () => unknown, RegExp]>([
    ['a rejection', () => Promise.reject(new Error('mine')), /mine/],
    ['a rejection without a reason', () => Promise.reject(undefined), /undefined was thrown/],
    ['a rejection with null', () => Promise.reject(null), /null was thrown/],
    [
      'a rejection with a word that Express obeys',
      () => Promise.reject('route'),
      /&quot;route&quot; was thrown/,
    ],
    [
      'an exception',
      () => {
        throw new Error('mine');
      },
      /mine/,
    ],
    /* eslint-enable @typescript-eslint/prefer-promise-reject-errors */
  ])('passes on %s as an error', async (_what, handler, message) => {
    const semaphore = new Semaphore(1);
    const app = express().set('env', 'test');
    app.get('/', limitHandler(semaphore, handler));
    app.get('/', (_req, res) => res.send('went on'));
    await request(app).get('/').expect(500, message);
    await semaphore.idle();
  });

  it('wraps a thrown value that is no error, as the cause', async () => {
    const failed = defer<unknown>();
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- plain JavaScript may
    const handler = limitHandler(new Semaphore(1), () => Promise.reject('route'));
    await using server = await serve((req, res) => {
      handler(req, res, failed.resolve);
      void failed.promise.then(() => res.end());
    });
    await request(server.url).get('/').expect(200);
    expect(await failed.promise).toMatchObject({ message: '"route" was thrown', cause: 'route' });
  });

  it('calls no handler for an error that is passed on', async () => {
    const handler = jest.fn();
    const app = express().set('env', 'test');
    const options = { key: () => undefined };
    app.get('/', limitHandler(new KeyedSemaphore(() => new Semaphore(1)), handler, options));
    await request(app)
      .get('/')
      .expect(500, /what key returns must be a string/);
    expect(handler).not.toHaveBeenCalled();
  });

  it('runs a skipped request without a permit', async () => {
    const app = express();
    const answer = async (_req: unknown, res: express.Response) => {
      await Promise.resolve();
      res.send(String(permitOf(res) === undefined));
    };
    app.get(
      '/',
      limitHandler<express.Request, express.Response>(new Semaphore(0), answer, { skip: () => true }),
    );
    await request(app).get('/').expect(200, 'true');
  });

  it('requires a function, and has three parameters', () => {
    expect(() => limitHandler(new Semaphore(1), undefined as never)).toThrow(
      'handler must be a function, got undefined',
    );
    expect(limitHandler(new Semaphore(1), () => undefined)).toHaveLength(3);
  });
});

describe('limit with a key that fails', () => {
  it.each<[string, () => never | Promise<string>, RegExp]>([
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- plain JavaScript may
    ['rejects without a reason', () => Promise.reject(undefined), /undefined was thrown/],
    [
      'throws without a reason',
      () => {
        // eslint-disable-next-line @typescript-eslint/only-throw-error -- plain JavaScript may
        throw undefined;
      },
      /undefined was thrown/,
    ],
  ])('fails closed when it %s', async (_how, key, message) => {
    const app = express().set('env', 'test');
    app.use(limit(new KeyedSemaphore(() => new Semaphore(1)), { key }));
    app.use((_req, res) => res.send('passed'));
    await request(app).get('/').expect(500, message);
  });
});
