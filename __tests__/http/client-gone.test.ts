import type { RequestListener, ServerResponse } from 'node:http';
import express from 'express';
import { KeyedSemaphore, limit, permitOf, Semaphore } from 'express-semaphore';
import type { Next, Permit } from 'express-semaphore';
import { FakeClock } from 'express-semaphore/testing';
import { allGone, defer, RawClient, serve, until } from '../helpers/serve';
import { turn } from '../helpers/watch';

/** Ways in which a client leaves. */
const LEAVINGS: [string, (client: RawClient) => void][] = [
  [
    'a reset',
    (client) => {
      client.reset();
    },
  ],
  [
    'a close',
    (client) => {
      client.socket.destroy();
    },
  ],
];

describe.each(LEAVINGS)('a client that leaves by %s', (_name, leave) => {
  it('before the limit saw it never reaches the handler and acquires no permit', async () => {
    const semaphore = new Semaphore(1);
    const limited = limit(semaphore);
    const arrived = defer<() => void>();
    const next = jest.fn();
    await using server = await serve((req, res) => {
      arrived.resolve(() => {
        limited(req, res, next);
      });
    });
    const client = await RawClient.connect(server.port);
    client.get('/');
    const enter = await arrived.promise;
    leave(client);
    await allGone(server.server);
    enter();
    expect(next).not.toHaveBeenCalled();
    expect(semaphore.stats()).toMatchObject({ held: 0, acquired: 0 });
  });

  it('while its key is looked up never reaches the handler and acquires no permit', async () => {
    const keyed = new KeyedSemaphore(() => new Semaphore(1));
    const [key, looked, closed] = [defer<string>(), defer(), defer()];
    const limited = limit(keyed, { key: () => key.promise });
    const next = jest.fn();
    await using server = await serve((req, res) => {
      limited(req, res, next);
      res.once('close', () => {
        closed.resolve();
      });
      looked.resolve();
    });
    const client = await RawClient.connect(server.port);
    client.get('/');
    await looked.promise;
    leave(client);
    await closed.promise;
    key.resolve('ann');
    await turn();
    expect(next).not.toHaveBeenCalled();
    expect(keyed.stats()).toMatchObject({ held: 0, acquired: 0, aborted: 0 });
  });

  it('while it waits for a second limiter aborts the signal of the permit of the first', async () => {
    const [first, second] = [new Semaphore(1), new Semaphore(0)];
    const [enter, goOn] = [limit(first), limit(second, { maxWaitMs: Infinity })];
    const signals: (AbortSignal | undefined)[] = [];
    await using server = await serve((req, res) => {
      enter(req, res, () => {
        signals.push(permitOf(res)?.signal);
        goOn(req, res, () => res.end());
      });
    });
    const client = await RawClient.connect(server.port);
    client.get('/');
    await until(() => second.waiting === 1);
    expect(signals.map((signal) => signal?.aborted)).toEqual([false]);
    leave(client);
    await until(() => second.waiting === 0);
    expect(signals.map((signal) => signal?.aborted)).toEqual([true]);
    expect(first.stats().released).toEqual({ success: 0, overload: 0, ignore: 1 });
  });

  it('while it waits is dequeued and never reaches the handler', async () => {
    const semaphore = new Semaphore(1, { queueLimit: 1 });
    const limited = limit(semaphore, { maxWaitMs: Infinity });
    const next = jest.fn();
    await using server = await serve((req, res) => {
      limited(req, res, next);
    });
    const blocker = await semaphore.acquire();
    const client = await RawClient.connect(server.port);
    client.get('/');
    await until(() => semaphore.waiting === 1);
    leave(client);
    await until(() => semaphore.waiting === 0);
    blocker.release();
    expect(semaphore.stats()).toMatchObject({ held: 0, aborted: 1, acquired: 1 });
    await allGone(server.server);
    expect(next).not.toHaveBeenCalled();
  });

  it.each<[string, (res: ServerResponse) => void]>([
    ['before the response', () => undefined],
    [
      'after the head of the response',
      (res) => {
        res.flushHeaders();
      },
    ],
    ['during the response', (res) => res.write('half')],
  ])('%s frees the permit, and its signal aborts', async (when, begin) => {
    await using served = await serveOne(begin);
    const { semaphore, client, permit } = served;
    expect(permit?.signal.aborted).toBe(false);
    if (when !== 'before the response') await client.receives('HTTP/1.1 200');
    leave(client);
    await semaphore.idle();
    expect(permit?.signal.reason).toMatchObject({ name: 'AbortError', message: 'The client has gone' });
    expect(semaphore.stats()).toMatchObject({ held: 0, available: 1, acquired: 1 });
  });

  it('after the response has cost one release, and its signal does not abort', async () => {
    await using served = await serveOne((res) => res.end('served'));
    const { semaphore, client, permit, server } = served;
    await client.receives('served');
    leave(client);
    await allGone(server);
    expect(permit?.signal.aborted).toBe(false);
    expect(semaphore.stats()).toMatchObject({ held: 0, available: 1, acquired: 1 });
  });
});

describe('a client', () => {
  it('that half-closes its side is served, where the host allows it', async () => {
    const semaphore = new Semaphore(1);
    const limited = limit(semaphore, { maxWaitMs: Infinity });
    await using server = await serve((req, res) => {
      limited(req, res, () => res.end('served'));
    });
    // Without it the host ends the connection as soon as it sees that the client has ended its side.
    Object.assign(server.server, { httpAllowHalfOpen: true });
    const blocker = await semaphore.acquire();
    const client = await RawClient.connect(server.port);
    client.get('/');
    client.socket.end();
    await until(() => semaphore.waiting === 1);
    blocker.release();
    await client.receives('served');
    await semaphore.idle();
    expect(semaphore.stats()).toMatchObject({ held: 0, acquired: 2 });
  });

  it('that leaves unseen, behind a large body that nobody reads, waits no longer than maxWaitMs', async () => {
    const clock = new FakeClock();
    const semaphore = new Semaphore(1, { clock });
    const limited = limit(semaphore, { maxWaitMs: 5_000 });
    const next = jest.fn();
    await using server = await serve((req, res) => {
      limited(req, res, next);
    });
    const blocker = await semaphore.acquire();
    const client = await RawClient.connect(server.port);
    client.upload(1_000_000);
    await until(() => semaphore.waiting === 1);
    client.reset();
    clock.advance(4_999);
    expect(semaphore.waiting).toBe(1);
    clock.advance(1);
    expect(semaphore.stats()).toMatchObject({ waiting: 0, rejected: { ERR_SEMAPHORE_WAIT_TIMEOUT: 1 } });
    await allGone(server.server);
    expect(next).not.toHaveBeenCalled();
    blocker.release();
    expect(semaphore.held).toBe(0);
  });

  it('that has left unseen and is granted a permit releases it when its answer cannot be written', async () => {
    const semaphore = new Semaphore(1);
    const limited = limit(semaphore, { maxWaitMs: Infinity });
    await using server = await serve((req, res) => {
      limited(req, res, () => res.end('served'));
    });
    const blocker = await semaphore.acquire();
    const client = await RawClient.connect(server.port);
    client.upload(1_000_000);
    await until(() => semaphore.waiting === 1);
    client.reset();
    blocker.release();
    await semaphore.idle();
    expect(semaphore.stats()).toMatchObject({ held: 0, waiting: 0 });
    await allGone(server.server);
  });

  it('that reads slowly holds its permit until it has read the response, except for the buffered part', async () => {
    const semaphore = new Semaphore(1);
    const limited = limit(semaphore);
    const size = 32_000_000;
    await using server = await serve((req, res) => {
      limited(req, res, () => res.end(Buffer.alloc(size, 'x')));
    });
    const client = await RawClient.connect(server.port);
    client.get('/');
    for (let read = 1; read <= 5; read++) {
      client.socket.resume();
      await until(() => client.received.length > (read * size) / 10);
      client.socket.pause();
      expect(semaphore.held).toBe(1);
    }
    client.socket.resume();
    await semaphore.idle();
  });

  it('that resets while the end of its response is on the way frees the permit', async () => {
    await using served = await serveOne(
      (res) => res.end(Buffer.alloc(32_000_000)),
      ({ socket }) => socket.once('data', () => socket.pause()),
    );
    const { semaphore, client, permit } = served;
    await client.receives('HTTP/1.1 200');
    expect(semaphore.held).toBe(1);
    expect(permit?.signal.aborted).toBe(false);
    client.reset();
    await semaphore.idle();
    expect(permit?.signal.aborted).toBe(true);
  });

  it('of an event stream holds its permit, event after event, until it leaves', async () => {
    const semaphore = new Semaphore(1);
    const limited = limit(semaphore);
    const open = defer<ServerResponse>();
    await using server = await serve((req, res) => {
      limited(req, res, () => {
        res.writeHead(200, { 'Content-Type': 'text/event-stream' });
        open.resolve(res);
      });
    });
    const client = await RawClient.connect(server.port);
    client.get('/');
    const stream = await open.promise;
    for (const event of ['one', 'two', 'three']) {
      stream.write(`data: ${event}\n\n`);
      await client.receives(event);
      expect(semaphore.held).toBe(1);
    }
    client.reset();
    await semaphore.idle();
    expect(stream.closed).toBe(true);
  });
});

describe('the server', () => {
  it.each<[string, (res: ServerResponse, next: Next) => unknown, boolean]>([
    ['destroys the response', (res) => res.destroy(), true],
    ['destroys the response with an error', (res) => res.destroy(new Error('mine')), true],
    ['destroys the request', (res) => res.req.destroy(), true],
    ['destroys the socket', (res) => res.socket?.destroy(), true],
    ['destroys a response that has begun', (res) => (res.write('half'), res.destroy()), true],
    [
      'throws',
      () => {
        throw new Error('thrown');
      },
      false,
    ],
    ['rejects', () => Promise.reject(new Error('rejected')), false],
    [
      'throws after the headers',
      (res) => {
        res.write('half');
        throw new Error('thrown');
      },
      true,
    ],
    ['rejects after the headers', (res) => (res.write('half'), Promise.reject(new Error('late'))), true],
    ['passes an error on', (_res, next) => (next(new Error('passed')), undefined), false],
    ['answers twice', (res) => (res.end('once'), res.end()), false],
  ])('that %s frees the permit once', async (_what, handle, breaks) => {
    const semaphore = new Semaphore(1);
    const app = express().set('env', 'test');
    app.use(limit(semaphore));
    app.use((_req, res, next) => handle(res, next));
    await using server = await serve(app as RequestListener);
    const answer = fetch(server.url).then((response) => response.text());
    if (breaks) await expect(answer).rejects.toThrow();
    else await answer;
    await semaphore.idle();
    expect(semaphore.stats()).toMatchObject({ held: 0, available: 1, acquired: 1 });
  });

  it('that never answers frees the permit when it closes its connections', async () => {
    const semaphore = new Semaphore(1);
    const limited = limit(semaphore);
    await using server = await serve((req, res) => {
      limited(req, res, () => undefined);
    });
    const client = await RawClient.connect(server.port);
    client.get('/');
    await until(() => semaphore.held === 1);
    server.server.closeAllConnections();
    await semaphore.idle();
    expect(semaphore.held).toBe(0);
  });

  it('that times out a silent connection frees the permit', async () => {
    const semaphore = new Semaphore(1);
    const limited = limit(semaphore);
    await using server = await serve((req, res) => {
      limited(req, res, () => req.socket.setTimeout(1));
    });
    const client = await RawClient.connect(server.port);
    client.get('/');
    await until(() => semaphore.stats().acquired === 1);
    await semaphore.idle();
    expect(semaphore.held).toBe(0);
  });

  it('that times out an incomplete request frees the permit', async () => {
    const semaphore = new Semaphore(1);
    const limited = limit(semaphore);
    const listener: RequestListener = (req, res) => {
      // Not earlier: it would end before the request arrives.
      limited(req, res, () => (server.server.headersTimeout = server.server.requestTimeout = 1));
    };
    await using server = await serve(listener, { connectionsCheckingInterval: 1 });
    const client = await RawClient.connect(server.port);
    client.socket.write('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nhalf');
    await until(() => semaphore.stats().acquired === 1);
    await semaphore.idle();
    expect(semaphore.held).toBe(0);
  });

  it('that answers a queued request, as a timeout middleware does, dequeues it', async () => {
    const semaphore = new Semaphore(1);
    const limited = limit(semaphore, { maxWaitMs: Infinity });
    const next = jest.fn();
    const answer = defer<ServerResponse>();
    await using server = await serve((req, res) => {
      answer.resolve(res);
      limited(req, res, next);
    });
    using blocker = await semaphore.acquire();
    const status = fetch(server.url).then((response) => response.status);
    await until(() => semaphore.waiting === 1);
    (await answer.promise).writeHead(503).end();
    await until(() => semaphore.waiting === 0);
    expect(await status).toBe(503);
    expect(next).not.toHaveBeenCalled();
    expect(semaphore.held).toBe(blocker.weight);
  });
});

/** Serves one request of one client by `begin`, and returns when its handler has its permit. */
async function serveOne(
  begin: (res: ServerResponse) => unknown,
  prepare: (client: RawClient) => unknown = () => undefined,
) {
  const semaphore = new Semaphore(1);
  const limited = limit(semaphore);
  const inside = defer<Permit | undefined>();
  const server = await serve((req, res) => {
    limited(req, res, () => {
      inside.resolve(permitOf(res));
      begin(res);
    });
  });
  const client = await RawClient.connect(server.port);
  prepare(client);
  client.get('/');
  return { ...server, semaphore, client, permit: await inside.promise };
}
