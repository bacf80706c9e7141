import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import express from 'express';
import request from 'supertest';
import { KeyedSemaphore, limit, observe, permitOf, Semaphore } from 'express-semaphore';
import type { KeyedStats, LimiterStats, Permit } from 'express-semaphore';
import { defer, RawClient, serve, until } from '../helpers/serve';
import { collectWarnings } from '../helpers/warnings';
import { turn } from '../helpers/watch';

afterEach(() => {
  jest.restoreAllMocks();
});

const rejectionsOf = (limiter: { stats(): KeyedStats | LimiterStats }) =>
  Object.values(limiter.stats().rejected).reduce((sum, count) => sum + count, 0);

describe('limit as a dry run', () => {
  it('delays and rejects no request, and counts what would have happened', async () => {
    const semaphore = new Semaphore(1, { queueLimit: 1 });
    const app = express();
    const open = defer();
    const inside: string[] = [];
    const warnings = collectWarnings();
    app.use(limit(semaphore, { dryRun: true, maxWaitMs: Infinity }));
    app.use((req, res) => {
      inside.push(req.url);
      void open.promise.then(() => res.send('served'));
    });
    await using server = await serve(app);
    const answers = ['/a', '/b', '/c'].map((path) => request(server.url).get(path).expect(200).then());
    await until(() => inside.length === 3);
    await until(() => semaphore.stats().rejected.ERR_SEMAPHORE_QUEUE_FULL === 1);
    expect(semaphore.stats()).toMatchObject({ held: 1, waiting: 1 });
    open.resolve();
    await Promise.all(answers);
    await semaphore.idle();
    expect(warnings).toEqual([]);
  });

  it.each([
    ['at once', () => undefined],
    ['later', () => Promise.resolve(undefined)],
  ])('warns once of bad keys that come %s, and serves the requests', async (_when, key) => {
    const warnings = collectWarnings();
    const app = express();
    const keyed = new KeyedSemaphore(() => new Semaphore(1));
    app.use(limit(keyed, { dryRun: true, key }));
    app.use((_req, res) => {
      setImmediate(() => res.send('served'));
    });
    for (let i = 0; i < 3; i++) await request(app).get('/').expect(200);
    expect(warnings).toEqual([
      expect.objectContaining({
        message:
          'limit as a dry run: what key returns must be a string, got undefined: clientKey found no address, or there is no user',
        code: 'WARN_SEMAPHORE_DRY_RUN',
      }),
    ]);
  });

  it.each([
    ['no queue', { queueLimit: 0 }, {}],
    ['no time', {}, { maxWaitMs: 0 }],
  ])('counts one rejection together with the same limit enforced: %s', async (_why, options, terms) => {
    const semaphore = new Semaphore(1, options);
    const keyed = new KeyedSemaphore(() => new Semaphore(0, options));
    const key = () => 'ann';
    const dry = [limit(semaphore, { ...terms, dryRun: true }), limit(keyed, { ...terms, key, dryRun: true })];
    const app = express().use(...dry, limit(semaphore, terms), limit(keyed, { ...terms, key }));
    const messages: unknown[] = [];
    const stop = observe('reject', (message) => messages.push(message));
    const permit = await semaphore.acquire();
    await request(app).get('/').expect(503);
    expect([rejectionsOf(semaphore), rejectionsOf(keyed), messages.length]).toEqual([1, 1, 2]);
    permit.release();
    await request(app).get('/').expect(429);
    expect([rejectionsOf(semaphore), rejectionsOf(keyed)]).toEqual([1, 2]);
    stop();
  });

  it('shows a handler no permit, and leaves it that of a real limit', async () => {
    const [real, dry] = [new Semaphore(1), new Semaphore(1)];
    const app = express();
    app.use(limit(real), limit(dry, { dryRun: true }));
    app.use((_req, res) => {
      const held = [real.held, dry.held];
      permitOf(res)?.release();
      res.json({ held, after: real.held, ofDry: permitOf(res, dry) === undefined });
    });
    await request(app)
      .get('/')
      .expect(200, { held: [1, 1], after: 0, ofDry: true });
    await dry.idle();
  });

  it('does not abort the signal of a real permit when it still waits at the end of the response', async () => {
    const [real, dry] = [new Semaphore(1), new Semaphore(0)];
    let permit: Permit | undefined;
    const app = express();
    app.use(limit(real), limit(dry, { dryRun: true, maxWaitMs: Infinity }));
    app.use((_req, res) => {
      permit = permitOf(res);
      expect(permit?.signal.aborted).toBe(false);
      res.send('served');
    });
    await request(app).get('/').expect(200);
    await real.idle();
    await until(() => dry.waiting === 0);
    expect(permit?.signal.aborted).toBe(false);
  });

  it('does not count towards the pipelined requests that a connection may have', async () => {
    const dry = Array.from({ length: 4 }, () => limit(new Semaphore(200), { dryRun: true }));
    const chain = [...dry, limit(new Semaphore(200))];
    await using server = await serve((req, res) => {
      let index = 0;
      const next = (): void => {
        const middleware = chain[index++];
        if (middleware === undefined) setImmediate(() => res.end('served'));
        else middleware(req, res, next);
      };
      next();
    });
    const client = await RawClient.connect(server.port);
    client.get(...Array.from({ length: 90 }, () => '/'));
    await until(() => client.received.split('HTTP/1.1 ').length === 91);
    expect(client.received.split('HTTP/1.1 200 OK')).toHaveLength(91);
  });

  describe.each(['before', 'after'])('%s the same limiter enforced on the same request', (where) => {
    function chainOf(semaphore: Semaphore, maxWaitMs = Infinity): ReturnType<typeof limit>[] {
      const dry = limit(semaphore, { dryRun: true, maxWaitMs });
      const real = limit(semaphore, { maxWaitMs });
      return where === 'before' ? [dry, real] : [real, dry];
    }

    it('takes one permit for both', async () => {
      const semaphore = new Semaphore(1);
      const app = express().use(...chainOf(semaphore));
      app.use((_req, res) => res.json([semaphore.held, permitOf(res) !== undefined]));
      await request(app).get('/').expect(200, [1, true]);
      await semaphore.idle();
      expect(semaphore.stats().acquired).toBe(1);
    });

    it('takes one place in the queue for both', async () => {
      const semaphore = new Semaphore(1, { queueLimit: 1 });
      const blocker = await semaphore.acquire();
      const app = express().use(...chainOf(semaphore));
      app.use((_req, res) => res.json([semaphore.held, permitOf(res) !== undefined]));
      const answer = request(app).get('/').expect(200, [1, true]).then();
      await until(() => semaphore.waiting === 1);
      await turn();
      expect(semaphore.waiting).toBe(1);
      blocker.release();
      await answer;
      await semaphore.idle();
      expect(semaphore.stats().acquired).toBe(2);
    });

    it('serves pipelined requests without a deadlock', async () => {
      const semaphore = new Semaphore(1);
      const chain = chainOf(semaphore);
      await using server = await serve((req, res) => {
        chain[0]?.(req, res, () => {
          chain[1]?.(req, res, () => setImmediate(() => res.end('served')));
        });
      });
      const client = await RawClient.connect(server.port);
      client.get('/a', '/b', '/c');
      await until(() => client.received.split('served').length === 4);
      await semaphore.idle();
    });
  });

  it.each([
    ['waits no longer than the enforced limit', 3_600_000, 0, 503],
    ['waits as long as the enforced limit', 1, 60_000, 200],
  ])('%s says, with another maxWaitMs before it', async (_what, dryWaitMs, maxWaitMs, status) => {
    const semaphore = new Semaphore(1);
    const blocker = await semaphore.acquire();
    const app = express();
    app.use(limit(semaphore, { dryRun: true, maxWaitMs: dryWaitMs }), limit(semaphore, { maxWaitMs }));
    app.use((_req, res) => res.json(semaphore.held));
    const answer = request(app).get('/').expect(status).then();
    if (status === 200) {
      await until(() => semaphore.waiting === 1);
      // The dry run by itself would leave the queue now.
      await delay(20);
      blocker.release();
    }
    await answer;
    blocker.release();
    await semaphore.idle();
    expect(semaphore).toMatchObject({ held: 0, waiting: 0 });
  });

  it('leaves the weight to the same limiter enforced after it', async () => {
    const semaphore = new Semaphore(10);
    const app = express().use(limit(semaphore, { dryRun: true }), limit(semaphore, { weight: 3 }));
    app.use((_req, res) => res.json([semaphore.held, permitOf(res)?.weight]));
    await request(app).get('/').expect(200, [3, 3]);
    await semaphore.idle();
  });

  it('leaves a request that it would have rejected to the same limiter enforced', async () => {
    const semaphore = new Semaphore(1, { queueLimit: 0 });
    using blocker = await semaphore.acquire();
    const served: ServerResponse[] = [];
    const app = express().use(limit(semaphore, { dryRun: true }), limit(semaphore));
    app.use((_req, res) => served.push(res));
    await request(app).get('/').expect(503);
    expect(served).toEqual([]);
    expect(semaphore.held).toBe(blocker.weight);
  });
});
