import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Express } from 'express';
import expressWs from 'express-ws';
import { Server as SocketServer } from 'socket.io';
import { io } from 'socket.io-client';
import WebSocket, { WebSocketServer } from 'ws';
import { KeyedSemaphore, limitUpgrade, Semaphore } from 'express-semaphore';
import type { Permit } from 'express-semaphore';
import { defer, RawClient, serve, until } from '../helpers/serve';
import { collectWarnings } from '../helpers/warnings';

const HANDSHAKE = 'GET /a HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n';
const SWITCHED = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n';

type UpgradeListener = ReturnType<typeof limitUpgrade>;

function echo(_req: unknown, socket: Duplex): void {
  socket.write(SWITCHED);
  socket.on('data', (data: Buffer) => socket.write(`echo ${data.toString()}`));
  socket.once('end', () => socket.end());
}

async function serveUpgrades(listener: UpgradeListener) {
  const test = await serve((_req, res) => res.end('plain'));
  test.server.on('upgrade', listener);
  return test;
}

async function upgrade(port: number, headers = ''): Promise<RawClient> {
  const client = await RawClient.connect(port);
  client.socket.write(`${HANDSHAKE}${headers}\r\n`);
  return client;
}

describe('limitUpgrade', () => {
  it('holds a permit until the socket closes', async () => {
    const semaphore = new Semaphore(1);
    await using server = await serveUpgrades(limitUpgrade(semaphore, echo));
    const client = await upgrade(server.port);
    await client.receives('101');
    client.socket.write('hello');
    await client.receives('echo hello');
    expect(semaphore.held).toBe(1);
    client.socket.end();
    await semaphore.idle();
    expect(semaphore.stats().released).toEqual({ success: 0, overload: 0, ignore: 1 });
  });

  it('holds nothing for a socket that is destroyed already', async () => {
    const semaphore = new Semaphore(1);
    const listener = limitUpgrade(semaphore, echo);
    const upgraded = defer();
    await using server = await serveUpgrades((req, socket, head) => {
      socket.destroy();
      listener(req, socket, head);
      upgraded.resolve();
    });
    const client = await upgrade(server.port);
    await upgraded.promise;
    expect(semaphore.stats()).toMatchObject({ held: 0, waiting: 0 });
    client.socket.destroy();
  });

  it.each([
    ['the limiter', { maxHoldMs: 20 }, {}],
    ['the upgrade', {}, { maxHoldMs: 20 }],
  ])('destroys the socket when maxHoldMs of %s is over', async (_whose, limiterOptions, options) => {
    const semaphore = new Semaphore(1, limiterOptions);
    await using server = await serveUpgrades(limitUpgrade(semaphore, echo, options));
    const client = await upgrade(server.port);
    await client.ends();
    client.reset();
    await semaphore.idle();
    expect(semaphore.stats().rejected.ERR_SEMAPHORE_HOLD_TIMEOUT).toBe(1);
  });

  it('answers a rejection with status, Retry-After and body, and closes the connection', async () => {
    const semaphore = new Semaphore(1, { queueLimit: 0 });
    await using server = await serveUpgrades(
      limitUpgrade(semaphore, echo, { retryJitter: false, statusCode: 529 }),
    );
    const first = await upgrade(server.port);
    await first.receives('101');
    const second = await upgrade(server.port);
    await second.ends();
    expect(second.received).toMatch(/^HTTP\/1\.1 529 Rejected\r\nConnection: close\r\nRetry-After: 1\r\n/);
    const [head = '', body = ''] = second.received.split('\r\n\r\n');
    expect(JSON.parse(body)).toMatchObject({ status: 529, code: 'ERR_SEMAPHORE_QUEUE_FULL' });
    expect(head).toContain(`Content-Length: ${body.length}`);
    first.reset();
    await semaphore.idle();
  });

  it('outlives clients that reset, served, rejected and queued', async () => {
    const semaphore = new Semaphore(2, { queueLimit: 5 });
    await using server = await serveUpgrades(limitUpgrade(semaphore, echo, { maxWaitMs: 5_000 }));
    for (let round = 0; round < 20; round++) {
      const clients = await Promise.all(Array.from({ length: 10 }, () => upgrade(server.port)));
      for (const client of clients) client.reset();
    }
    await semaphore.idle();
    const client = await upgrade(server.port);
    await client.receives('101');
    client.reset();
    await semaphore.idle();
  });

  it.each([
    [
      'resets',
      (client: RawClient) => {
        client.reset();
      },
    ],
    ['ends its connection', (client: RawClient) => client.socket.end()],
  ])('dequeues a client that %s, and does not call onUpgrade', async (_how, leave) => {
    const semaphore = new Semaphore(1);
    const onUpgrade = jest.fn();
    await using server = await serveUpgrades(limitUpgrade(semaphore, onUpgrade, { maxWaitMs: Infinity }));
    const blocker = await semaphore.acquire();
    const client = await upgrade(server.port);
    await until(() => semaphore.waiting === 1);
    leave(client);
    await until(() => semaphore.waiting === 0);
    blocker.release();
    await semaphore.idle();
    expect(onUpgrade).not.toHaveBeenCalled();
  });

  it('keeps what a queued client has sent for onUpgrade', async () => {
    const semaphore = new Semaphore(1);
    await using server = await serveUpgrades(limitUpgrade(semaphore, echo, { maxWaitMs: Infinity }));
    const blocker = await semaphore.acquire();
    const client = await upgrade(server.port);
    await until(() => semaphore.waiting === 1);
    client.socket.write('early');
    await new Promise((resolve) => setTimeout(resolve, 50));
    blocker.release();
    await client.receives('echo early');
    client.socket.write('late');
    await client.receives('echo late');
    client.socket.end();
    await semaphore.idle();
  });

  it('rejects a queued upgrade after maxWaitMs', async () => {
    const semaphore = new Semaphore(0, { name: 'paused' });
    await using server = await serveUpgrades(limitUpgrade(semaphore, echo, { maxWaitMs: 20 }));
    const client = await upgrade(server.port);
    await client.receives('ERR_SEMAPHORE_WAIT_TIMEOUT');
    await client.ends();
  });

  it('limits each key, also one that comes later', async () => {
    const keyed = new KeyedSemaphore(() => new Semaphore(1, { queueLimit: 0 }));
    const key = async (req: { headers: { 'x-user'?: string } }) => Promise.resolve(req.headers['x-user']);
    await using server = await serveUpgrades(limitUpgrade(keyed, echo, { key: key as never }));
    const alice = await upgrade(server.port, 'X-User: alice\r\n');
    await alice.receives('101');
    const again = await upgrade(server.port, 'X-User: alice\r\n');
    await again.receives('HTTP/1.1 429 ');
    const bob = await upgrade(server.port, 'X-User: bob\r\n');
    await bob.receives('101');
    alice.reset();
    bob.reset();
    await keyed.idle();
  });

  it('answers 500 and warns once when a key is missing', async () => {
    const keyed = new KeyedSemaphore(() => new Semaphore(1));
    const onUpgrade = jest.fn();
    await using server = await serveUpgrades(limitUpgrade(keyed, onUpgrade, { key: () => undefined }));
    const warnings = collectWarnings();
    for (let i = 0; i < 2; i++) await (await upgrade(server.port)).receives('HTTP/1.1 500 ');
    expect(warnings).toMatchObject([{ code: 'WARN_SEMAPHORE_UPGRADE_FAILED' }]);
    expect(onUpgrade).not.toHaveBeenCalled();
    expect(keyed.held).toBe(0);
  });

  it('passes an upgrade that skip lets through without a permit, and others with one', async () => {
    const semaphore = new Semaphore(1);
    const permits: (Permit | undefined)[] = [];
    const listener = limitUpgrade(
      semaphore,
      (req, socket, _head, permit) => {
        permits.push(permit);
        echo(req, socket);
      },
      { skip: (req) => req.headers['x-user'] === 'admin' },
    );
    await using server = await serveUpgrades(listener);
    const admin = await upgrade(server.port, 'X-User: admin\r\n');
    await admin.receives('101');
    expect(semaphore.stats().acquired).toBe(0);
    const other = await upgrade(server.port);
    await other.receives('101');
    expect(permits).toMatchObject([undefined, { weight: 1 }]);
    const signal = permits[1]?.signal;
    other.reset();
    await semaphore.idle();
    expect(signal?.aborted).toBe(true);
    admin.reset();
  });

  it('destroys the socket when onUpgrade throws, and lets the error pass', async () => {
    const semaphore = new Semaphore(1);
    const limited = limitUpgrade(semaphore, () => {
      throw new Error('broken');
    });
    const thrown = defer<unknown>();
    await using server = await serveUpgrades((req, socket, head) => {
      try {
        limited(req, socket, head);
      } catch (error) {
        thrown.resolve(error);
      }
    });
    const client = await upgrade(server.port);
    expect(await thrown.promise).toEqual(new Error('broken'));
    await client.ends();
    client.reset();
    await semaphore.idle();
  });

  it('warns of an option that it cannot honour', () => {
    const options = { isOverload: () => true, onRejected: () => undefined };
    const warnings = collectWarnings();
    limitUpgrade(new Semaphore(1), echo, options as object);
    expect(warnings.map(({ message }) => message).join()).toMatch(/"onRejected".*"isOverload"/s);
  });
});

describe('limitUpgrade with a WebSocket library', () => {
  it('limits ws, whose clients reset', async () => {
    const semaphore = new Semaphore(2, { queueLimit: 0 });
    const wss = new WebSocketServer({ noServer: true });
    await using server = await serveUpgrades(
      limitUpgrade(semaphore, (req, socket, head) => {
        wss.handleUpgrade(req, socket, head, (webSocket) => {
          webSocket.on('error', () => undefined);
          webSocket.on('message', (data: Buffer) => {
            webSocket.send(`echo ${data.toString()}`);
          });
        });
      }),
    );
    await limitsWebSockets(semaphore, server.url.replace('http', 'ws'));
  });

  it('limits express-ws in front of its own listener', async () => {
    const semaphore = new Semaphore(2, { queueLimit: 0 });
    const app = jest.requireActual<() => Express>('express4')();
    const server = createServer(app as never);
    const { app: wsApp } = expressWs(app as never, server);
    wsApp.ws('/', (webSocket) => {
      webSocket.on('error', () => undefined);
      webSocket.on('message', (data: Buffer) => {
        webSocket.send(`echo ${data.toString()}`);
      });
    });
    await limitsWebSockets(semaphore, await listenLimited(server, semaphore));
    server.close();
    server.closeAllConnections();
  });

  it('limits socket.io in front of its own listener', async () => {
    const semaphore = new Semaphore(2, { queueLimit: 0 });
    const server = createServer();
    const sockets = new SocketServer(server, { transports: ['websocket'] });
    sockets.on('connection', (socket) => {
      socket.on('ask', (answer: (text: string) => void) => {
        answer('answered');
      });
    });
    const url = await listenLimited(server, semaphore);
    const port = Number(new URL(url).port);
    await resetting(port);
    await semaphore.idle();
    const make = () =>
      io(url.replace('ws', 'http'), { transports: ['websocket'], reconnection: false, forceNew: true });
    const clients = [make(), make()];
    for (const client of clients) expect(await client.timeout(60_000).emitWithAck('ask')).toBe('answered');
    expect(semaphore.held).toBe(2);
    const third = make();
    const failed = defer();
    third.on('connect_error', () => {
      failed.resolve();
    });
    await failed.promise;
    for (const client of clients) client.disconnect();
    await semaphore.idle();
    await sockets.close();
  });
});

/** Puts the limit in front of the listener that a library has added, and listens. */
async function listenLimited(server: Server, semaphore: Semaphore): Promise<string> {
  const [own] = server.listeners('upgrade') as ((...args: unknown[]) => void)[];
  server.removeAllListeners('upgrade');
  server.on(
    'upgrade',
    limitUpgrade(semaphore, (...args) => {
      own?.apply(server, args);
    }),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

async function limitsWebSockets(semaphore: Semaphore, url: string): Promise<void> {
  await resetting(Number(new URL(url).port));
  await semaphore.idle();
  const clients = [new WebSocket(url), new WebSocket(url)] as const;
  for (const client of clients) await once(client, 'open');
  clients[0].send('one');
  const [message] = (await once(clients[0], 'message')) as [Buffer];
  expect(message.toString()).toBe('echo one');
  const third = new WebSocket(url).on('error', () => undefined);
  const [, response] = (await once(third, 'unexpected-response')) as [unknown, { statusCode: number }];
  expect(response.statusCode).toBe(503);
  clients[0].close();
  clients[1].terminate();
  await semaphore.idle();
}

/** Clients that reset as soon as they have sent a WebSocket handshake. */
async function resetting(port: number): Promise<void> {
  for (let round = 0; round < 5; round++) {
    const clients = await Promise.all(Array.from({ length: 6 }, () => RawClient.connect(port)));
    for (const client of clients) {
      client.socket.write(
        'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
          'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
      );
      client.reset();
    }
    await Promise.all(clients.map(async ({ socket }) => socket.closed || once(socket, 'close')));
  }
}
