import express from 'express';
import request from 'supertest';
import { KeyedSemaphore, limit, limitHandler, permitOf, Semaphore } from 'express-semaphore';
import { allGone, defer, RawClient, serve } from '../helpers/serve';

describe('limitHandler', () => {
  it('keeps the permit until the work is done, though the client has gone', async () => {
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

  it('keeps the permit until the response is over, though the work is done', async () => {
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

  it('takes a handler that returns nothing, and one per key', async () => {
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

  /* eslint-disable @typescript-eslint/prefer-promise-reject-errors -- plain JavaScript may */
  it.each<[string, () => unknown, RegExp]>([
    ['a rejection', () => Promise.reject(new Error('mine')), /mine/],
    ['a rejection without a reason', () => Promise.reject(undefined), /undefined was thrown/],

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

  it('calls no handler for a refusal that is passed on', async () => {
    const handler = jest.fn();
    const app = express().set('env', 'test');
    const options = { key: () => undefined };
    app.get('/', limitHandler(new KeyedSemaphore(() => new Semaphore(1)), handler, options));
    await request(app)
      .get('/')
      .expect(500, /key must be a string/);
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

  it('wants a function, and has three parameters', () => {
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
