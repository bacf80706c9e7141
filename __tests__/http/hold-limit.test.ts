import { once } from 'node:events';
import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:http2';
import express from 'express';
import type { RequestListener, ServerResponse } from 'node:http';
import { createProxyMiddleware } from 'http-proxy-middleware';
import request from 'supertest';
import {
  chain,
  HoldTimeoutError,
  KeyedSemaphore,
  limit,
  limitHandler,
  permitOf,
  Semaphore,
} from 'express-semaphore';
import type { Limiter } from 'express-semaphore';
import { AdaptiveSemaphore } from 'express-semaphore/adaptive';
import { defer, RawClient, serve, until } from '../helpers/serve';

const TIMED = { maxHoldMs: 50 };

describe('limit with maxHoldMs', () => {
  it('answers 503 and releases the permit when nothing was sent', async () => {
    const semaphore = new Semaphore(1, TIMED);
    let signal: AbortSignal | undefined;
    const app = express().use(limit(semaphore), (_req, res) => {
      signal = permitOf(res)?.signal;
    });
    const answer = await request(app).get('/').expect(503);
    expect(answer.body).toMatchObject({ code: 'ERR_SEMAPHORE_HOLD_TIMEOUT' });
    expect(answer.headers['retry-after']).toBeDefined();
    expect(signal?.reason).toBeInstanceOf(HoldTimeoutError);
    await semaphore.idle();
    expect(semaphore.stats()).toMatchObject({
      released: { success: 0, overload: 1, ignore: 0 },
      rejected: { ERR_SEMAPHORE_HOLD_TIMEOUT: 1 },
    });
  });

  it.each<[string, () => Limiter]>([
    ['any limiter', () => new Semaphore(1)],
    ['one that has a longer limit of its own', () => new Semaphore(1, { maxHoldMs: 600_000 })],
    ['a chain', () => chain(new Semaphore(1), new Semaphore(1, { maxHoldMs: 600_000 }))],
  ])('is an option of limit, with %s, for a request that waited, too', async (_name, make) => {
    const limiter = make();
    const app = express().use(limit(limiter, { ...TIMED, maxWaitMs: Infinity }), () => undefined);
    const held = await limiter.acquire();
    const answers = Promise.all([1, 2].map(() => request(app).get('/').expect(503)));
    await until(() => limiter.stats().waiting === 2);
    held.release();
    for (const { body } of await answers) expect(body).toMatchObject({ code: 'ERR_SEMAPHORE_HOLD_TIMEOUT' });
    await limiter.idle();
  });

  it('counts the end of the time of a request once', async () => {
    const semaphore = new Semaphore(1);
    const app = express().use(limit(semaphore, TIMED), () => undefined);
    await request(app).get('/').expect(503);
    await semaphore.idle();
    expect(semaphore.stats()).toMatchObject({
      released: { overload: 1 },
      rejected: { ERR_SEMAPHORE_HOLD_TIMEOUT: 1 },
    });
  });

  it('destroys a response that was begun', async () => {
    const semaphore = new Semaphore(1, TIMED);
    await using server = await serve(
      express().use(limit(semaphore), (_req, res) => {
        res.write('half');
      }) as RequestListener,
    );
    const client = await RawClient.connect(server.port);
    client.get('/');
    await client.ends();
    expect(client.received).toContain('half');
    await semaphore.idle();
  });

  it('destroys the stream of an HTTP/2 response that was begun', async () => {
    const semaphore = new Semaphore(1, TIMED);
    const limited = limit(semaphore);
    const server = createServer((req, res) => {
      limited(req as never, res as unknown as ServerResponse, () => {
        res.write('half');
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const stream = session.request();
    stream.on('error', () => undefined);
    stream.resume();
    await once(stream, 'close');
    await semaphore.idle();
    session.close();
    server.close();
  });

  it.each([
    ['a KeyedSemaphore', () => new KeyedSemaphore(() => new Semaphore(1, TIMED))],
    ['an AdaptiveSemaphore', () => new AdaptiveSemaphore(TIMED)],
  ])('answers 503 with %s', async (_name, make) => {
    const limiter = make();
    const options = limiter instanceof KeyedSemaphore ? { key: () => 'a' } : {};
    const app = express().use(limit(limiter, options as { key: () => string }), () => undefined);
    await request(app).get('/').expect(503);
    await limiter.idle();
    expect(limiter.stats().rejected.ERR_SEMAPHORE_HOLD_TIMEOUT).toBe(1);
  });

  it('answers a queued request whose permit is then held for too long', async () => {
    const semaphore = new Semaphore(1, TIMED);
    const app = express().use(limit(semaphore), () => undefined);
    await using server = await serve(app as RequestListener);
    const ask = async () => (await fetch(server.url)).status;
    expect(await Promise.all([ask(), ask(), ask()])).toEqual([503, 503, 503]);
    await semaphore.idle();
    expect(semaphore.stats().rejected.ERR_SEMAPHORE_HOLD_TIMEOUT).toBe(3);
  });

  it('counts for a permit that an earlier limit of the request has acquired, and not in a dry run', async () => {
    const semaphore = new Semaphore(1);
    const app = express().use(limit(semaphore), limit(semaphore, { maxHoldMs: 1, dryRun: true }));
    app.use('/short', limit(semaphore, TIMED), () => undefined);
    app.use((_req, res) => setTimeout(() => res.send('served'), 50));
    await request(app).get('/').expect(200);
    await request(app).get('/short').expect(503);
    await semaphore.idle();
    expect(semaphore.stats()).toMatchObject({ acquired: 2, rejected: { ERR_SEMAPHORE_HOLD_TIMEOUT: 1 } });
  });

  it('of a dry run does not end the response of a limit that takes its permit over', async () => {
    const semaphore = new Semaphore(1);
    const app = express().use(limit(semaphore, { maxHoldMs: 1, dryRun: true }), limit(semaphore));
    app.use((_req, res) => setTimeout(() => res.send('served'), 50));
    await request(app).get('/').expect(200);
    await semaphore.idle();
    expect(semaphore.stats()).toMatchObject({ acquired: 1, rejected: { ERR_SEMAPHORE_HOLD_TIMEOUT: 0 } });
  });

  it('is counted in each part of a chain, with the option of limit, too', async () => {
    const parts = [new KeyedSemaphore(() => new Semaphore(1)), new Semaphore(1), new Semaphore(1)] as const;
    const both = chain(parts[0], chain(parts[1], parts[2]));
    await request(express().use(limit(both, { key: () => 'ann', ...TIMED }), () => undefined))
      .get('/')
      .expect(503);
    expect(parts.map((part) => part.stats().rejected.ERR_SEMAPHORE_HOLD_TIMEOUT)).toEqual([1, 1, 1]);
  });

  it('counts work under hold until it settles', async () => {
    const semaphore = new Semaphore(1, TIMED);
    const work = defer();
    const app = express().use(limit(semaphore), (_req, res) => {
      permitOf(res)?.hold(work.promise);
    });
    await request(app).get('/').expect(503);
    expect(semaphore.held).toBe(1);
    work.resolve();
    await semaphore.idle();
  });

  it('ends a proxied response whose upstream died, though its client stays', async () => {
    const semaphore = new Semaphore(1, TIMED);
    await using upstream = await serve((_req, res) => {
      res.writeHead(200, { 'Content-Length': '1000' }).write('half');
      setImmediate(() => res.destroy());
    });
    const app = express().use(limit(semaphore), createProxyMiddleware({ target: upstream.url }));
    await using server = await serve(app as RequestListener);
    const client = await RawClient.connect(server.port);
    client.get('/');
    await client.ends();
    await semaphore.idle();
  });

  it('leaves an answer in time alone', async () => {
    const semaphore = new Semaphore(1, { maxHoldMs: 60_000 });
    const app = express().use(limit(semaphore), (_req, res) => res.send('served'));
    await request(app).get('/').expect(200, 'served');
    await semaphore.idle();
    expect(semaphore.stats().rejected.ERR_SEMAPHORE_HOLD_TIMEOUT).toBe(0);
  });
});

it('limitHandler answers 503, and counts the handler until its promise settles', async () => {
  const semaphore = new Semaphore(1, TIMED);
  const work = defer();
  const app = express().use(limitHandler(semaphore, async () => work.promise));
  await request(app).get('/').expect(503);
  await until(() => semaphore.stats().rejected.ERR_SEMAPHORE_HOLD_TIMEOUT === 1);
  expect(semaphore.held).toBe(1);
  work.resolve();
  await semaphore.idle();
});
