import type { IncomingMessage } from 'node:http';
import express from 'express';
import request from 'supertest';
import { KeyedSemaphore, limit, permitOf, Semaphore } from 'express-semaphore';
import type { Limiter, Permit } from 'express-semaphore';
import { FakeClock } from 'express-semaphore/testing';
import { allGone, defer, RawClient, serve, until } from '../helpers/serve';

describe('permitOf', () => {
  it('returns undefined for a response that no limit has seen', async () => {
    await using server = await serve((_req, res) => {
      res.end(typeof permitOf(res));
    });
    await request(server.url).get('/').expect(200, 'undefined');
  });

  it('returns the permit acquired last, or the last one of a limiter', async () => {
    const keyed = new KeyedSemaphore(() => new Semaphore(5));
    const single = new Semaphore(5);
    const app = express();
    app.use(
      limit(keyed, { key: () => 'a', weight: 1 }),
      limit(keyed, { key: () => 'b', weight: 2 }),
      limit(single, { weight: 3 }),
    );
    app.use((_req, res) =>
      res.json([permitOf(res), permitOf(res, keyed), permitOf(res, single)].map((p) => p?.weight)),
    );
    await request(app).get('/').expect(200, [3, 2, 3]);
  });

  it('says how long the request waited', async () => {
    const clock = new FakeClock();
    const semaphore = new Semaphore(1, { clock });
    const held = await semaphore.acquire();
    const app = express().use(limit(semaphore), (_req, res) => {
      res.json(permitOf(res)?.waitedMs);
    });
    const waiting = request(app).get('/').expect(200, '40').then();
    await until(() => semaphore.waiting === 1);
    clock.advance(40);
    held.release();
    await waiting;
    await request(app).get('/').expect(200, '0');
  });

  it('releases early, once, for a stream that no longer needs its permit', async () => {
    const semaphore = new Semaphore(1);
    const limited = limit(semaphore);
    const events = defer<() => void>();
    await using server = await serve((req, res) => {
      limited(req, res, () => {
        res.writeHead(200, { 'Content-Type': 'text/event-stream' });
        res.write('data: 1\n\n');
        permitOf(res)?.release();
        permitOf(res)?.[Symbol.dispose]();
        events.resolve(() => res.end('data: 2\n\n'));
      });
    });
    const client = await RawClient.connect(server.port);
    client.get('/');
    await client.receives('data: 1');
    expect(semaphore.held).toBe(0);
    using other = await semaphore.acquire();
    (await events.promise)();
    await client.receives('data: 2');
    client.reset();
    await allGone(server.server);
    expect(semaphore.held).toBe(other.weight);
  });

  it('is released at the end of a scope, too', async () => {
    const semaphore = new Semaphore(1);
    const app = express().use(limit(semaphore));
    app.use((_req, res) => {
      permitOf(res)?.[Symbol.dispose]();
      res.send(String(semaphore.held));
    });
    await request(app).get('/').expect(200, '0');
  });

  it('has a signal that does not abort after a sent response, even if one limiter let it wait and another rejected it', async () => {
    const clock = new FakeClock();
    const [granted, rejecting] = [new Semaphore(0), new Semaphore(0, { clock })];
    const signals: (AbortSignal | undefined)[] = [];
    const app = express();
    app.use(limit(granted, { maxWaitMs: Infinity }));
    app.use((_req, res, next) => {
      signals.push(permitOf(res)?.signal);
      next();
    });
    app.use(limit(rejecting, { maxWaitMs: 10, onRejected: (_req, res) => res.end('rejected') }));
    const answer = request(app).get('/').expect(200, 'rejected').then();
    await until(() => granted.waiting === 1);
    granted.resize(1);
    await until(() => rejecting.waiting === 1);
    clock.advance(10);
    await Promise.all([answer, granted.idle()]);
    expect(signals.map((signal) => signal?.aborted)).toEqual([false]);
  });

  it('holds the permit for work that outlives the response, and its signal does not abort', async () => {
    const semaphore = new Semaphore(1);
    const work = defer();
    let permit: Permit | undefined;
    const app = express().use(limit(semaphore));
    app.use((_req, res) => {
      permit = permitOf(res);
      permit?.hold(work.promise);
      res.status(202).end();
    });
    await request(app).get('/').expect(202);
    expect(semaphore.held).toBe(1);
    expect(permit?.signal.aborted).toBe(false);
    work.resolve();
    await semaphore.idle();
  });

  it('has a signal that aborts when the client leaves, also if it is first read later', async () => {
    const semaphore = new Semaphore(1);
    const limited = limit(semaphore);
    const inside = defer<Permit | undefined>();
    await using server = await serve((req, res) => {
      limited(req, res, () => {
        inside.resolve(permitOf(res));
      });
    });
    const client = await RawClient.connect(server.port);
    client.get('/');
    const permit = await inside.promise;
    client.reset();
    await semaphore.idle();
    expect(permit?.signal.aborted).toBe(true);
    expect(permit?.signal).toBe(permit?.signal);
  });

  it("follows the limiter's own signal, too", async () => {
    const revoked = new AbortController();
    const semaphore = new Semaphore(1);
    const revocable: Limiter = {
      acquire: (options) => semaphore.acquire(options),
      tryAcquire: () => {
        const permit = semaphore.tryAcquire();
        return permit && Object.defineProperty(permit, 'signal', { value: revoked.signal });
      },
      run: (work, options) => semaphore.run(work, options),
      close: () => undefined,
      idle: () => semaphore.idle(),
      stats: () => semaphore.stats(),
    };
    const limited = limit(revocable);
    const inside = defer<[IncomingMessage, Permit | undefined]>();
    await using server = await serve((req, res) => {
      limited(req, res, () => {
        inside.resolve([req, permitOf(res)]);
      });
    });
    const client = await RawClient.connect(server.port);
    client.get('/');
    const [, permit] = await inside.promise;
    expect(permit?.signal.aborted).toBe(false);
    revoked.abort('lost');
    expect(permit?.signal.reason).toBe('lost');
  });
});
