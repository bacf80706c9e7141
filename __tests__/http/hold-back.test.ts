import { once } from 'node:events';
import { Agent, request } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import { connect } from 'node:http2';
import type { Socket } from 'node:net';
import { createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { gracefulShutdown, limitServer, QueueFullError, Semaphore } from 'express-semaphore';
import type { Limiter } from 'express-semaphore';
import { allGone, defer, RawClient, serve, until } from '../helpers/serve';

const NONE = { queueLimit: 0 };

/** A server that rejects all but `/served`. `sockets` are its connections in their order. */
async function serveRejecting() {
  const test = await serve((_req, res) => res.end('served'));
  const sockets = watch(test.server);
  const api = new Semaphore(0, NONE);
  limitServer(test.server, api, {
    holdBack: true,
    retryJitter: false,
    skip: ({ url }) => url === '/served',
  });
  return { ...test, sockets, api };
}

/** A limiter that rejects everybody with an estimate of `retryAfterMs`. */
function busyFor(retryAfterMs: number): Limiter {
  const semaphore = new Semaphore(0);
  return {
    acquire: () => Promise.reject(new QueueFullError('full', { retryAfterMs })),
    tryAcquire: () => undefined,
    run: () => Promise.reject(new Error('unused')),
    close: () => undefined,
    idle: () => Promise.resolve(),
    stats: () => semaphore.stats(),
  };
}

function watch(server: Server): Socket[] {
  const sockets: Socket[] = [];
  server.on('connection', (socket: Socket) => sockets.push(socket));
  return sockets;
}

/** The status of the answer to a request. */
async function ask(port: number, agent: Agent, path = '/', body = ''): Promise<number | undefined> {
  const req = request({ port, agent, path, method: body === '' ? 'GET' : 'POST' }).end(body);
  const [res] = (await once(req, 'response')) as [IncomingMessage];
  await once(res.resume(), 'end');
  // The agent can use the connection again in a later turn.
  await new Promise((resolve) => setImmediate(resolve));
  return res.statusCode;
}

const oneConnection = () => new Agent({ keepAlive: true, maxSockets: 1 });

/** The server's end of the client's connection. */
function socketOf(client: RawClient, sockets: readonly Socket[]): Socket {
  const socket = sockets.find(({ remotePort }) => remotePort === client.socket.localPort);
  if (socket === undefined) throw new Error('the client is not connected');
  return socket;
}

/** Listeners of a connection that holding it back adds. */
function listenersOf(socket: Socket | undefined): number[] {
  return ['resume', 'close'].map((name) => socket?.listenerCount(name) ?? -1);
}

describe('holdBack', () => {
  it('reads from the connection of a rejected client again after its Retry-After, and meanwhile from others', async () => {
    await using test = await serveRejecting();
    const agent = oneConnection();
    expect(await ask(test.port, agent, '/served')).toBe(200);
    const before = listenersOf(test.sockets[0]);
    for (const body of ['', 'a body', 'x'.repeat(1_000_000)]) {
      const start = performance.now();
      expect(await ask(test.port, agent, '/', body)).toBe(503);
      expect((await fetch(`${test.url}/served`)).status).toBe(200);
      expect(await ask(test.port, agent, '/served')).toBe(200);
      expect(performance.now() - start).toBeGreaterThan(990);
    }
    expect(await ask(test.port, agent, '/served')).toBe(200);
    expect(listenersOf(test.sockets[0])).toEqual(before);
    expect(test.sockets.filter(({ remotePort }) => remotePort === test.sockets[0]?.remotePort)).toHaveLength(
      1,
    );
    agent.destroy();
  });

  it('rejects what a client sends meanwhile, and serves what it sends later', async () => {
    await using test = await serve((_req, res) => res.end('served'));
    const sockets = watch(test.server);
    const api = new Semaphore(1, NONE);
    limitServer(test.server, api, { holdBack: true, retryJitter: false });
    const permit = api.tryAcquire();
    const client = await RawClient.connect(test.port);
    client.get('/');
    await client.receives('"status":503');
    permit?.release();
    client.get('/');
    await client.receives('the wait was too long');
    const socket = socketOf(client, sockets);
    await until(() => socket.isPaused());
    await until(() => !socket.isPaused());
    await new Promise((resolve) => setImmediate(resolve));
    client.get('/');
    await client.receives('served');
    expect(api.stats()).toMatchObject({
      acquired: 2,
      rejected: { ERR_SEMAPHORE_QUEUE_FULL: 1, ERR_SEMAPHORE_WAIT_TOO_LONG: 1 },
    });
    client.socket.destroy();
  });

  it('lasts 2 seconds at most', async () => {
    await using test = await serve((_req, res) => res.end('served'));
    limitServer(test.server, busyFor(30_000), { holdBack: true, skip: (req) => req.url === '/served' });
    const agent = oneConnection();
    const start = performance.now();
    expect(await ask(test.port, agent)).toBe(503);
    expect(await ask(test.port, agent, '/served')).toBe(200);
    const ms = performance.now() - start;
    expect(ms).toBeGreaterThan(1_990);
    expect(ms).toBeLessThan(29_000);
    agent.destroy();
  });

  it('leaves a timeout alone that the host sets meanwhile', async () => {
    await using test = await serveRejecting();
    const client = await RawClient.connect(test.port);
    client.get('/');
    await client.receives('"status":503');
    const socket = socketOf(client, test.sockets);
    await until(() => socket.isPaused());
    socket.setTimeout(77_000);
    await until(() => !socket.isPaused());
    expect(socket.timeout).toBe(77_000);
    client.socket.destroy();
  });

  it('does not hold back after an answer that is no error', async () => {
    await using test = await serve((_req, res) => res.end('served'));
    const sockets = watch(test.server);
    limitServer(test.server, new Semaphore(0, NONE), {
      holdBack: true,
      onRejected: (_req, res) => res.end('from a cache'),
    });
    const agent = oneConnection();
    expect(await ask(test.port, agent)).toBe(200);
    expect(sockets[0]?.isPaused()).toBe(false);
    agent.destroy();
  });

  it('outlives a shorter keep-alive timeout, which then begins', async () => {
    await using test = await serve((_req, res) => res.end('served'), { keepAliveTimeout: 100 });
    // Newer versions of Node.js add a second to the timeout.
    limitServer(test.server, busyFor(30_000), { holdBack: true, skip: (req) => req.url === '/served' });
    const client = await RawClient.connect(test.port);
    client.get('/');
    await client.receives('"status":503');
    client.get('/served');
    await client.receives('served');
    const silent = await RawClient.connect(test.port);
    silent.get('/');
    await Promise.all([client.ends(), silent.ends()]);
    client.socket.end();
    silent.socket.end();
    await allGone(test.server);
  });

  it('ends when something else reads from the connection', async () => {
    await using test = await serveRejecting();
    const client = await RawClient.connect(test.port);
    client.get('/served');
    await client.receives('served');
    const socket = socketOf(client, test.sockets);
    const before = listenersOf(socket);
    client.get('/');
    await until(() => socket.isPaused());
    expect(listenersOf(socket)).not.toEqual(before);
    socket.resume();
    await once(socket, 'resume');
    expect(listenersOf(socket)).toEqual(before);
    client.socket.end();
  });

  it('does not begin while a pipelined request is being served', async () => {
    const work = defer();
    await using test = await serve((_req, res) => void work.promise.then(() => res.end('served')));
    const sockets = watch(test.server);
    limitServer(test.server, new Semaphore(0, NONE), {
      holdBack: true,
      skip: ({ url }) => url === '/served',
    });
    const client = await RawClient.connect(test.port);
    client.get('/', '/served');
    await client.receives('"status":503');
    expect(sockets[0]?.isPaused()).toBe(false);
    work.resolve();
    await client.receives('served');
    client.socket.end();
  });

  it('answers pipelined requests', async () => {
    await using test = await serveRejecting();
    const client = await RawClient.connect(test.port);
    client.get('/a', '/served', '/b', '/c', '/d');
    await client.receives('served');
    client.get('/served');
    while (client.received.split('HTTP/1.1 200').length < 3) await once(client.socket, 'data');
    expect(client.received.match(/HTTP\/1.1 \d+/g)?.map((line) => line.slice(-3))).toEqual([
      '503',
      '200',
      '503',
      '503',
      '503',
      '200',
    ]);
    client.socket.end();
    await allGone(test.server);
  });

  it('leaves nothing of a client that has gone, half-closed, been cut off, or wants its connection closed', async () => {
    await using test = await serveRejecting();
    const connectNew = () => RawClient.connect(test.port);
    const [gone, half, cut, closing] = [
      await connectNew(),
      await connectNew(),
      await connectNew(),
      await connectNew(),
    ];
    for (const client of [gone, half, cut]) {
      client.get('/');
      await client.receives('"status":503');
    }
    gone.reset();
    half.socket.end();
    const socket = socketOf(cut, test.sockets);
    const held = socket.listenerCount('resume');
    await once(socket.destroy(), 'close');
    expect(socket.listenerCount('resume')).toBe(held - 1);
    closing.socket.write('GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n');
    await closing.ends();
    expect(closing.received).toContain('503');
    closing.socket.end();
    await allGone(test.server);
  });

  it('passes an upgrade on that follows on the connection', async () => {
    await using test = await serveRejecting();
    test.server.on('upgrade', (_req, socket) => {
      socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n');
    });
    const client = await RawClient.connect(test.port);
    client.get('/');
    await client.receives('"status":503');
    client.socket.write('GET / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
    await client.receives('101 Switching');
    client.socket.end();
  });

  it('ends when the server closes idle connections', async () => {
    await using test = await serveRejecting();
    const client = await RawClient.connect(test.port);
    client.get('/');
    await client.receives('"status":503');
    test.server.closeIdleConnections();
    await client.ends();
    client.socket.end();
    await allGone(test.server);
  });

  it('ends when the server shuts down, which answers a request that has come meanwhile', async () => {
    const test = await serveRejecting();
    // It sees the connections from now on.
    const shutDown = gracefulShutdown(test.server, { api: test.api });
    const client = await RawClient.connect(test.port);
    client.get('/');
    await client.receives('"status":503');
    client.get('/late');
    expect(await shutDown()).toBe(true);
    await client.ends();
    expect(client.received).toContain('ERR_SEMAPHORE_CLOSED');
  });

  it('does not affect the other streams of HTTP/2', async () => {
    const server = createHttp2Server((_req, res) => res.end('served'));
    limitServer(server, new Semaphore(0, NONE), { holdBack: true, skip: ({ url }) => url === '/served' });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const sockets: Socket[] = [];
    server.on('connection', (socket: Socket) => sockets.push(socket));
    const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    for (const [path, status] of [
      ['/', 503],
      ['/served', 200],
    ]) {
      const stream = client.request({ ':path': path });
      expect((await once(stream, 'response'))[0]).toMatchObject({ ':status': status });
      await once(stream.resume(), 'end');
    }
    expect(sockets[0]?.isPaused()).toBe(false);
    client.destroy();
    server.close();
    await once(server, 'close');
  });
});
