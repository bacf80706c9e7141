import { once } from 'node:events';
import { createServer, IncomingMessage, request, ServerResponse } from 'node:http';
import type { RequestListener } from 'node:http';
import { connect, createSecureServer, createServer as createHttp2Server } from 'node:http2';
import { Agent, request as secureRequest } from 'node:https';
import { Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import express from 'express';
import Fastify from 'fastify';
import Koa from 'koa';
import { KeyedSemaphore, limit, limitServer, permitOf, Semaphore } from 'express-semaphore';
import { CERTIFICATE } from '../helpers/certificate';
import { defer, RawClient, serve, until } from '../helpers/serve';
import type { Deferred } from '../helpers/serve';
import { collectWarnings } from '../helpers/warnings';

const served: RequestListener = (req, res) => {
  res.end(`served ${req.url}`);
};

/** A server whose handler ends `/hold` when the test says so. */
async function serveHeld() {
  const held: Deferred[] = [];
  const seen: string[] = [];
  const test = await serve((req, res) => {
    seen.push(req.url ?? '');
    if (!(req.url ?? '').startsWith('/hold')) res.end(`served ${req.url}`);
    else {
      const work = defer();
      held.push(work);
      void work.promise.then(() => res.end(`served ${req.url}`));
    }
  });
  return {
    ...test,
    seen,
    /** Starts a request that holds its permit. */
    async hold() {
      const count = held.length;
      const response = fetch(`${test.url}/hold`);
      await until(() => held.length > count);
      return async () => {
        held[count]?.resolve();
        return (await response).text();
      };
    },
  };
}

describe('limitServer', () => {
  it('rejects before any listener, also one that is added later', async () => {
    const api = new Semaphore(1, { queueLimit: 0 });
    await using app = await serveHeld();
    expect(limitServer(app.server, api)).toBe(app.server);
    const later: string[] = [];
    app.server.prependListener('request', ({ url }) => later.push(url ?? ''));
    const finish = await app.hold();
    const rejection = await fetch(`${app.url}/b`);
    expect(rejection.status).toBe(503);
    expect(rejection.headers.get('retry-after')).toMatch(/^[12]$/);
    expect(await rejection.json()).toMatchObject({ status: 503, code: 'ERR_SEMAPHORE_QUEUE_FULL' });
    expect(await finish()).toBe('served /hold');
    expect(await (await fetch(`${app.url}/c`)).text()).toBe('served /c');
    await api.idle();
    expect(app.seen).toEqual(['/hold', '/c']);
    expect(later).toEqual(app.seen);
    expect(api.stats()).toMatchObject({ acquired: 2, held: 0 });
  });

  it('passes a queued request on when it gets its permit, and never one whose client has left', async () => {
    const api = new Semaphore(1);
    await using app = await serveHeld();
    limitServer(app.server, api, { maxWaitMs: Infinity });
    const finish = await app.hold();
    const gone = await RawClient.connect(app.port);
    gone.get('/gone');
    await until(() => api.waiting === 1);
    const waiting = fetch(`${app.url}/b`);
    await until(() => api.waiting === 2);
    gone.reset();
    await until(() => api.waiting === 1);
    await finish();
    expect(await (await waiting).text()).toBe('served /b');
    await api.idle();
    expect(app.seen).toEqual(['/hold', '/b']);
  });

  it('acquires one permit when the app inside has the same limiter', async () => {
    const api = new Semaphore(1, { queueLimit: 0 });
    const app = express();
    app.use(limit(api));
    app.get('/', (_req, res) => {
      res.send(String(permitOf(res, api)?.weight));
    });
    await using test = await serve(app as RequestListener);
    limitServer(test.server, api);
    expect(await (await fetch(test.url)).text()).toBe('1');
    await api.idle();
    expect(api.stats().acquired).toBe(1);
  });

  it('lets skipped requests pass, and answers 429 for a key', async () => {
    const perUser = new KeyedSemaphore(() => new Semaphore(1, { queueLimit: 0 }));
    await using app = await serveHeld();
    limitServer(app.server, perUser, {
      key: (req) => String(req.headers['x-user']),
      skip: (req) => req.url === '/health',
    });
    const finish = await app.hold();
    expect((await fetch(`${app.url}/health`)).status).toBe(200);
    expect((await fetch(`${app.url}/b`)).status).toBe(429);
    expect((await fetch(`${app.url}/b`, { headers: { 'x-user': 'ann' } })).status).toBe(200);
    await finish();
    await perUser.idle();
  });

  it('neither rejects nor delays in a dry run', async () => {
    const api = new Semaphore(0, { queueLimit: 0 });
    await using test = await serve(served);
    limitServer(test.server, api, { dryRun: true });
    expect((await fetch(test.url)).status).toBe(200);
    expect(api.stats().rejected.ERR_SEMAPHORE_QUEUE_FULL).toBe(1);
  });

  it('limits one server twice', async () => {
    const [outer, inner] = [new Semaphore(5), new Semaphore(1, { queueLimit: 0 })];
    await using app = await serveHeld();
    limitServer(limitServer(app.server, inner), outer);
    const finish = await app.hold();
    expect([outer.held, inner.held]).toEqual([1, 1]);
    expect((await fetch(`${app.url}/b`)).status).toBe(503);
    const upload = request({ port: app.port, method: 'POST', headers: { Expect: '100-continue' } });
    upload.on('continue', () => {
      throw new Error('a rejected client was told to continue');
    });
    upload.flushHeaders();
    expect(((await once(upload, 'response')) as [IncomingMessage])[0].statusCode).toBe(503);
    upload.destroy();
    await finish();
    await Promise.all([outer.idle(), inner.idle()]);
    const next = request({ port: app.port, method: 'POST', headers: { Expect: '100-continue' } });
    const answered = once(next, 'response') as Promise<[IncomingMessage]>;
    next.flushHeaders();
    await once(next, 'continue');
    next.end();
    const [response] = await answered;
    expect(response.resume().statusCode).toBe(200);
    await Promise.all([outer.idle(), inner.idle()]);
  });

  it("leaves it to the server's own checkContinue listener whether an admitted client continues", async () => {
    const api = new Semaphore(1, { queueLimit: 0 });
    await using test = await serve(served);
    limitServer(test.server, api);
    test.server.on('checkContinue', (_req, res) => res.writeHead(417).end(String(api.held)));
    test.server.on('checkExpectation', (_req, res) => res.writeHead(417).end(String(api.held)));
    for (const Expect of ['100-continue', 'a miracle']) {
      const upload = request({ port: test.port, method: 'POST', headers: { Expect } });
      upload.flushHeaders();
      const [response] = (await once(upload, 'response')) as [IncomingMessage];
      expect(response.statusCode).toBe(417);
      expect(String(await response.toArray())).toBe('1');
      upload.destroy();
      await api.idle();
    }
    expect(api.stats().acquired).toBe(2);
  });

  it('limits each stream of HTTP/2', async () => {
    const api = new Semaphore(1, { queueLimit: 0 });
    const work = defer();
    const server = createHttp2Server((req, res) => {
      if (req.url === '/hold') void work.promise.then(() => res.end());
      else res.end();
    });
    limitServer(server, api, { holdBack: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const statusOf = async (headers: Record<string, string>) => {
      const stream = client.request(headers, { endStream: true });
      const [{ ':status': status }] = (await once(stream, 'response')) as [{ ':status': number }];
      stream.resume();
      return status;
    };
    const first = statusOf({ ':path': '/hold' });
    await until(() => api.held === 1);
    expect(await statusOf({ ':path': '/b' })).toBe(503);
    expect(await statusOf({ ':path': '/b', expect: '100-continue' })).toBe(503);
    work.resolve();
    expect(await first).toBe(200);
    await api.idle();
    expect(await statusOf({ ':path': '/b' })).toBe(200);
    await api.idle();
    client.destroy();
    server.close();
    await once(server, 'close');
  });

  it('limits and holds back on TLS, with HTTP/1.1 and HTTP/2 on one server', async () => {
    const server = createSecureServer({ ...CERTIFICATE, allowHTTP1: true }, (req, res) => {
      res.end(`served ${req.httpVersion}`);
    });
    const api = new Semaphore(0, { queueLimit: 0 });
    limitServer(server, api, { holdBack: true, skip: ({ url }) => url === '/served' });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const options = { ca: CERTIFICATE.cert, servername: 'localhost' };
    const agent = new Agent({ ...options, keepAlive: true, maxSockets: 1 });
    const start = performance.now();
    for (const [path, status] of [
      ['/', 503],
      ['/served', 200],
    ] as const) {
      const [response] = (await once(secureRequest({ port, path, agent }).end(), 'response')) as [
        IncomingMessage,
      ];
      expect(response.statusCode).toBe(status);
      expect(String(await response.toArray())).toContain(status === 200 ? 'served 1.1' : 'QUEUE_FULL');
      // The agent can use the connection again in a later turn.
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(performance.now() - start).toBeGreaterThan(990);
    const client = connect(`https://localhost:${port}`, options);
    for (const [path, status] of [
      ['/', 503],
      ['/served', 200],
    ] as const) {
      const stream = client.request({ ':path': path });
      expect((await once(stream, 'response'))[0]).toMatchObject({ ':status': status });
      await once(stream.resume(), 'end');
    }
    agent.destroy();
    client.destroy();
    server.close();
    await once(server, 'close');
  });

  it('is in front of Fastify and Koa, too', async () => {
    const fastify = Fastify();
    fastify.get('/', () => 'served');
    await fastify.ready();
    const koa = new Koa();
    koa.use((context) => {
      context.body = 'served';
    });
    for (const server of [fastify.server, createServer(koa.callback() as RequestListener)]) {
      const api = new Semaphore(1, { queueLimit: 0 });
      limitServer(server, api).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      expect(await (await fetch(url)).text()).toBe('served');
      await api.idle();
      api.close();
      expect((await fetch(url)).status).toBe(503);
      server.close();
      await once(server, 'close');
    }
  });

  it('answers what onRejected passes to next with the built-in answer, and serves after a plain next()', async () => {
    await using test = await serve(served);
    limitServer(test.server, new Semaphore(0, { queueLimit: 0 }), {
      statusCode: 529,
      onRejected: (req, res, next, rejection) => {
        if (req.url === '/own') res.writeHead(500).end(rejection.code);
        else next(req.url === '/pass' ? undefined : rejection);
      },
    });
    expect(await (await fetch(`${test.url}/own`)).text()).toBe('ERR_SEMAPHORE_QUEUE_FULL');
    expect(await (await fetch(`${test.url}/pass`)).text()).toBe('served /pass');
    const response = await fetch(`${test.url}/rejection`);
    expect([response.status, response.headers.get('content-type')]).toEqual([
      529,
      'application/problem+json',
    ]);
  });

  it('answers 500 when an option fails, and warns once', async () => {
    const warnings = collectWarnings();
    const api = new Semaphore(0, { queueLimit: 0 });
    await using test = await serve(served);
    limitServer(test.server, api, {
      skip: (req) => (req.url === '/skip' ? (undefined as never) : false),
      onRejected: async (req, res) => {
        if (req.url === '/late')
          await new Promise<void>((resolve) =>
            res.write('half', () => {
              resolve();
            }),
          );
        throw new Error('onRejected failed');
      },
    });
    expect((await fetch(`${test.url}/skip`)).status).toBe(500);
    expect((await fetch(`${test.url}/handler`)).status).toBe(500);
    const client = await RawClient.connect(test.port);
    client.get('/late');
    await client.ends();
    expect(client.received).toContain('half');
    expect(warnings.map(({ code }) => code)).toEqual(['WARN_SEMAPHORE_SERVER_FAILED']);
  });

  it('lets an error of a listener end the process, as without a limit', () => {
    const server = createServer(() => {
      throw new Error('the handler failed');
    });
    limitServer(server, new Semaphore(1));
    const req = new IncomingMessage(new Socket());
    expect(() => server.emit('request', req, new ServerResponse(req))).toThrow('the handler failed');
  });

  it('neither deadlocks nor leaks with pipelined requests', async () => {
    const api = new Semaphore(1);
    await using test = await serve(served);
    limitServer(test.server, api);
    const client = await RawClient.connect(test.port);
    client.get('/a', '/b', '/c');
    await client.receives('served /c');
    await api.idle();
    expect(api.stats().acquired).toBe(3);
  });
});
