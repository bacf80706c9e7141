import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import type { IncomingMessage, RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventSource } from 'eventsource';
import express from 'express';
import type { Express } from 'express';
import expressWs from 'express-ws';
import { createProxyMiddleware } from 'http-proxy-middleware';
import request from 'supertest';
import WebSocket from 'ws';
import { clientKey, KeyedSemaphore, limit, Semaphore } from 'express-semaphore';
import { defer, RawClient, serve, until } from '../helpers/serve';

const HOSTS: [string, () => Express][] = [
  ['Express 5', express],
  ['Express 4', jest.requireActual<() => Express>('express4')],
];

describe('an EventSource', () => {
  it('whose stream is rejected with 200 and a retry time reconnects by itself', async () => {
    const streams = new Semaphore(1, { queueLimit: 0 });
    const app = express();
    const limited = limit(streams, {
      onRejected: (_req, res) => {
        res.setHeader('Content-Type', 'text/event-stream');
        res.end('retry: 50\n\n');
      },
    });
    app.get('/events', limited, (_req, res) => {
      res.type('text/event-stream');
      res.write('data: hello\n\n');
    });
    await using server = await serve(app as RequestListener);
    const first = new EventSource(`${server.url}/events`);
    await once(first as never, 'open');
    const second = new EventSource(`${server.url}/events`);
    const heard: unknown[] = [];
    second.onmessage = ({ data }) => heard.push(data);
    await until(() => streams.stats().rejected.ERR_SEMAPHORE_QUEUE_FULL > 0);
    expect(heard).toEqual([]);
    first.close();
    await until(() => heard.length > 0);
    second.close();
    await streams.idle();
  });
});

describe('an upload', () => {
  it('with Expect: 100-continue is rejected before its body is sent, where checkContinue leads to the app', async () => {
    const semaphore = new Semaphore(1, { queueLimit: 0 });
    const app = express().use(limit(semaphore));
    app.use((req, res, next) => {
      if (req.headers.expect !== undefined) res.writeContinue();
      next();
    });
    app.post('/', express.text(), (req, res) => res.send(`got ${String(req.body)}`));
    await using server = await serve(app as RequestListener);
    server.server.on('checkContinue', app);
    const head =
      'POST / HTTP/1.1\r\nHost: test\r\nContent-Type: text/plain\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n';
    const blocker = await semaphore.acquire();
    const rejected = await RawClient.connect(server.port);
    rejected.socket.write(head);
    await rejected.receives('ERR_SEMAPHORE_QUEUE_FULL');
    expect(rejected.received).not.toContain('100 Continue');
    blocker.release();
    const served = await RawClient.connect(server.port);
    served.socket.write(head);
    await served.receives('100 Continue');
    served.socket.write('body');
    await served.receives('got body');
    await semaphore.idle();
  });

  it('that comes slowly holds no permit while a body parser before the limit reads it', async () => {
    const semaphore = new Semaphore(1);
    const arrived = defer();
    const app = express();
    app.use((_req, _res, next) => {
      arrived.resolve();
      next();
    });
    app.use(express.text(), limit(semaphore));
    app.post('/', (req, res) => res.send(`got ${String(req.body)} with ${semaphore.held}`));
    await using server = await serve(app as RequestListener);
    const client = await RawClient.connect(server.port);
    client.socket.write(
      'POST / HTTP/1.1\r\nHost: test\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nbo',
    );
    await arrived.promise;
    expect(semaphore.stats()).toMatchObject({ held: 0, acquired: 0 });
    client.socket.write('dy');
    await client.receives('got body with 1');
    await semaphore.idle();
  });
});

describe.each(HOSTS)('in %s', (_host, makeApp) => {
  it('a limit of the path before the route also limits the loaders of app.param', async () => {
    const semaphore = new Semaphore(2);
    let loading = 0;
    let most = 0;
    const app = makeApp();
    app.param('id', (_req, _res, next) => {
      most = Math.max(most, ++loading);
      setImmediate(() => {
        loading--;
        next();
      });
    });
    app.use('/users', limit(semaphore, { maxWaitMs: Infinity }));
    app.get('/users/:id', (_req, res) => res.send('served'));
    await using server = await serve(app as RequestListener);
    const paths = Array.from({ length: 10 }, (_, id) => `/users/${id}`);
    await Promise.all(paths.map((path) => request(server.url).get(path).expect(200)));
    expect(most).toBeLessThanOrEqual(2);
    await semaphore.idle();
  });

  it('a proxy whose upstream dies releases its permit, where the proxied response ends with the upstream', async () => {
    const semaphore = new Semaphore(1, { queueLimit: 2 });
    await using upstream = await serve((req, res) => {
      if (req.url === '/reset') req.socket.resetAndDestroy();
      else {
        if (req.url === '/length') res.setHeader('Content-Length', 1_000);
        res.write('half');
        setImmediate(() => res.destroy());
      }
    });
    const app = makeApp().use(
      limit(semaphore),
      createProxyMiddleware({
        target: upstream.url,
        on: {
          proxyRes: (proxied, _req, res) => {
            proxied.once('close', () => {
              if (!proxied.complete) res.destroy(new Error('the upstream died'));
            });
          },
        },
      }),
    );
    await using server = await serve(app as RequestListener);
    for (const path of ['/reset', '/length', '/chunked']) {
      const acquired = semaphore.stats().acquired;
      const client = await RawClient.connect(server.port);
      client.get(path);
      await until(() => semaphore.stats().acquired > acquired && semaphore.held === 0);
      client.reset();
    }
    expect(semaphore.stats().released).toEqual({ success: 0, overload: 3, ignore: 0 });
  });
});

describe('express-ws', () => {
  it('with maxWaitMs 0 serves or closes a socket at once, and its permit lasts as long as the socket', async () => {
    const semaphore = new Semaphore(1);
    const { app } = expressWs(jest.requireActual<() => Express>('express4')() as never);
    app.use(limit(semaphore, { maxWaitMs: 0 }));
    app.ws('/', (socket) => {
      socket.on('message', (message: Buffer) => {
        socket.send(`echo ${message.toString()}`);
      });
    });
    const server = (app as unknown as Express).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const first = new WebSocket(url);
    await once(first, 'open');
    first.send('one');
    const [echo] = (await once(first, 'message')) as [Buffer];
    expect(echo.toString()).toBe('echo one');
    expect(semaphore.held).toBe(1);
    const second = new WebSocket(url).on('error', () => undefined);
    await once(second, 'close');
    first.close();
    await semaphore.idle();
    expect(semaphore.stats()).toMatchObject({ acquired: 1, waiting: 0 });
    await close(server);
  });
});

describe('a server on a Unix socket', () => {
  it('limits its requests, and by a key of its own where there is no address', async () => {
    const keyed = new KeyedSemaphore(() => new Semaphore(1, { queueLimit: 0 }));
    const app = express().set('env', 'test');
    app.use('/default', limit(keyed, { key: clientKey() }));
    const address = (req: { headers: { 'x-real-ip'?: string } }) => req.headers['x-real-ip'];
    app.use('/own', limit(keyed, { key: clientKey({ address: address as never }) }));
    app.use((_req, res) => res.send([...keyed].map(([key]) => key).join()));
    const path = join(tmpdir(), `express-semaphore-${process.pid}-recipes.sock`);
    const server = createServer(app).listen(path);
    await once(server, 'listening');
    expect(await get(path, '/default')).toMatch(/^500 /);
    expect(await get(path, '/own')).toBe('200 203.0.113.7');
    await keyed.idle();
    await close(server);
  });
});

async function get(socketPath: string, path: string): Promise<string> {
  const sent = httpRequest({ socketPath, path, agent: false, headers: { 'X-Real-IP': '203.0.113.7:51234' } });
  sent.end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  let body = '';
  for await (const chunk of response) body += String(chunk);
  return `${response.statusCode ?? 0} ${body}`;
}

async function close(server: Server): Promise<void> {
  server.close();
  server.closeAllConnections();
  if (server.listening) await once(server, 'close');
}
