import { pipeline } from 'node:stream';
import { Readable } from 'node:stream';
import express from 'express';
import request from 'supertest';
import { limit, Semaphore } from 'express-semaphore';
import type { Limiter } from 'express-semaphore';
import { RawClient, serve, until } from '../helpers/serve';
import { collectWarnings } from '../helpers/warnings';

afterEach(() => {
  jest.restoreAllMocks();
});

describe('the outcome of a released permit', () => {
  it.each([
    [200, 'success'],
    [404, 'success'],
    [499, 'success'],
    [500, 'success'],
    [501, 'success'],
    [502, 'success'],
    [503, 'overload'],
    [504, 'overload'],
  ] as const)('after status %i is %s', async (status, outcome) => {
    const semaphore = new Semaphore(1);
    const app = express().use(limit(semaphore));
    app.use((_req, res) => res.sendStatus(status));
    await request(app).get('/').expect(status);
    await semaphore.idle();
    expect(semaphore.stats().released).toEqual({ success: 0, overload: 0, ignore: 0, [outcome]: 1 });
  });

  it('follows isOverload, for each limit by itself', async () => {
    const [byDefault, own] = [new Semaphore(1), new Semaphore(1)];
    const app = express().use(
      limit(byDefault),
      limit(own, { isOverload: ({ statusCode }) => statusCode === 418 }),
    );
    app.use((_req, res) => res.sendStatus(418));
    await request(app).get('/').expect(418);
    await Promise.all([byDefault.idle(), own.idle()]);
    expect(byDefault.stats().released).toMatchObject({ success: 1, overload: 0 });
    expect(own.stats().released).toMatchObject({ success: 0, overload: 1 });
  });

  it.each<[how: string, isOverload: () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
    ['returns no boolean', () => 'no'],
    ['returns a promise that rejects', () => Promise.reject(new Error('no'))],
  ])('is ignored, with one warning, when isOverload %s', async (_how, isOverload) => {
    const warnings = collectWarnings();
    const semaphore = new Semaphore(1);
    const app = express().use(limit(semaphore, { isOverload: isOverload as () => boolean }));
    app.use((_req, res) => res.end());
    for (let i = 0; i < 3; i++) await request(app).get('/').expect(200);
    await semaphore.idle();
    expect(semaphore.stats().released).toEqual({ success: 0, overload: 0, ignore: 3 });
    expect(warnings).toMatchObject([{ code: 'WARN_SEMAPHORE_RELEASE_FAILED' }]);
  });

  it('is an overload when an upstream dies and the server destroys the response with its error', async () => {
    const semaphore = new Semaphore(1);
    const limited = limit(semaphore);
    await using server = await serve((req, res) => {
      limited(req, res, () => {
        const upstream = new Readable({ read: () => undefined });
        upstream.push('half');
        pipeline(upstream, res, () => undefined);
        setImmediate(() => upstream.destroy(new Error('the upstream died')));
      });
    });
    await expect(fetch(server.url).then((answer) => answer.text())).rejects.toThrow();
    await semaphore.idle();
    expect(semaphore.stats().released).toEqual({ success: 0, overload: 1, ignore: 0 });
  });

  it.each(['an upload', 'a download'])('says nothing when the client breaks off %s', async (what) => {
    const semaphore = new Semaphore(1);
    const isOverload = jest.fn(() => true);
    const limited = limit(semaphore, { isOverload });
    await using server = await serve((req, res) => {
      limited(req, res, () => {
        res.flushHeaders();
        // Echoes the upload: the broken request then destroys the response with an error.
        pipeline(req, res, () => undefined);
      });
    });
    const client = await RawClient.connect(server.port);
    const length = what === 'an upload' ? 1_000_000 : 4;
    client.socket.write(`POST / HTTP/1.1\r\nHost: test\r\nContent-Length: ${length}\r\n\r\nhalf`);
    await client.receives('200 OK');
    client.reset();
    await semaphore.idle();
    if (what === 'an upload') expect(isOverload).not.toHaveBeenCalled();
    expect(semaphore.stats().released.ignore).toBe(what === 'an upload' ? 1 : 0);
  });
});

describe('a response that the server destroys with an error', () => {
  it.each([
    ['a complete request is an overload', 4, 'overload'],
    ['an upload that has not arrived says nothing', 1_000, 'ignore'],
  ] as const)('for %s', async (_what, length, outcome) => {
    const semaphore = new Semaphore(1);
    const limited = limit(semaphore);
    await using server = await serve((req, res) => {
      limited(req, res, () => {
        req.once('data', () => setImmediate(() => res.destroy(new Error('mine'))));
      });
    });
    const client = await RawClient.connect(server.port);
    client.socket.write(`POST / HTTP/1.1\r\nHost: test\r\nContent-Length: ${length}\r\n\r\nhalf`);
    await until(() => semaphore.stats().acquired === 1);
    await semaphore.idle();
    expect(semaphore.stats().released).toEqual({ success: 0, overload: 0, ignore: 0, [outcome]: 1 });
  });
});

describe('a limiter whose release throws', () => {
  it('keeps no other permit of the request and no connection, and is a warning', async () => {
    const warnings = collectWarnings();
    const [before, after] = [new Semaphore(1), new Semaphore(1)];
    const app = express().use(limit(before), limit(throwingLimiter()), limit(after));
    app.use((_req, res) => res.send('served'));
    await using server = await serve(app);
    const client = await RawClient.connect(server.port);
    client.get('/', '/');
    await until(() => client.received.split('served').length === 3);
    expect([before.held, after.held]).toEqual([0, 0]);
    expect(warnings).toContainEqual(
      expect.objectContaining({
        code: 'WARN_SEMAPHORE_RELEASE_FAILED',
        message: expect.stringContaining('of the limiter') as string,
      }),
    );
  });

  it('as isOverload that throws, is a warning, and the permit is released', async () => {
    const warnings = collectWarnings();
    const semaphore = new Semaphore(1);
    const isOverload = (): boolean => {
      throw new Error('of isOverload');
    };
    const app = express().use(limit(semaphore, { isOverload }));
    app.use((_req, res) => res.send('served'));
    await request(app).get('/').expect(200);
    await semaphore.idle();
    expect(semaphore.stats().released).toEqual({ success: 0, overload: 0, ignore: 1 });
    expect(warnings).toHaveLength(1);
  });
});

/** A limiter of another package. Its permits cannot be released. */
function throwingLimiter(): Limiter {
  const semaphore = new Semaphore(10);
  return {
    acquire: (options) => semaphore.acquire(options),
    tryAcquire: () => {
      const permit = semaphore.tryAcquire();
      const release = () => {
        throw new Error('of the limiter');
      };
      return permit && Object.defineProperty(permit, 'release', { value: release });
    },
    close: () => undefined,
    idle: () => semaphore.idle(),
    stats: () => semaphore.stats(),
    run: (work, options) => semaphore.run(work, options),
  };
}
