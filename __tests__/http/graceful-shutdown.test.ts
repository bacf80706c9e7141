import { Agent, createServer, request } from 'node:http';
import { once } from 'node:events';
import { connect, createSecureServer, createServer as createHttp2Server } from 'node:http2';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { ClientHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { gracefulShutdown, limit, limitUpgrade, Semaphore } from 'express-semaphore';
import { CERTIFICATE } from '../helpers/certificate';
import { connectionsOf, defer, RawClient, until } from '../helpers/serve';
import type { Deferred } from '../helpers/serve';
import { collectWarnings } from '../helpers/warnings';

async function start(semaphore: Semaphore, options: object, serviceMs = 0) {
  const served: Deferred[] = [];
  const limited = limit(semaphore);
  const server = createServer((req, res) => {
    limited(req, res, () => {
      if (req.url !== '/hold') setTimeout(() => res.end('served'), serviceMs);
      else {
        const work = defer();
        served.push(work);
        void work.promise.then(() => res.end('served late'));
      }
    });
  });
  server.on(
    'upgrade',
    limitUpgrade(new Semaphore(1), (_req, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n');
    }),
  );
  const shutDown = gracefulShutdown(server, { semaphore }, options);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { server, shutDown, served, port, url: `http://127.0.0.1:${port}` };
}

describe('gracefulShutdown', () => {
  it('resets no connection under load', async () => {
    const semaphore = new Semaphore(5, { queueLimit: 10 });
    const { shutDown, url } = await start(semaphore, { drainMs: 50, deadlineMs: 60_000 }, 10);
    const seen = new Map<string, number>();
    const clients = Array.from({ length: 30 }, () => keepAsking(url, seen));
    await until(() => semaphore.stats().acquired > 50);
    expect(await shutDown()).toBe(true);
    await Promise.all(clients);
    expect([...seen.keys()].filter((outcome) => !['200', '503', 'ECONNREFUSED'].includes(outcome))).toEqual(
      [],
    );
    expect(seen.get('ECONNREFUSED')).toBe(30);
  });

  it('answers what runs with Connection: close, and rejects what waits', async () => {
    const semaphore = new Semaphore(1);
    const { shutDown, url, served } = await start(semaphore, {});
    const agent = new Agent({ keepAlive: true });
    const running = ask(`${url}/hold`, agent);
    await until(() => served.length === 1);
    const waiting = ask(`${url}/hold`, agent);
    await until(() => semaphore.waiting === 1);
    const stopped = shutDown();
    expect(shutDown()).toBe(stopped);
    expect(await waiting).toEqual({ status: 503, connection: 'close' });
    served[0]?.resolve();
    expect(await running).toEqual({ status: 200, connection: 'close' });
    expect(await stopped).toBe(true);
  });

  it('serves until drainMs is over', async () => {
    const semaphore = new Semaphore(1);
    const { shutDown, url } = await start(semaphore, { drainMs: 1_000 });
    const stopped = shutDown();
    expect((await ask(url)).status).toBe(200);
    expect(await stopped).toBe(true);
  });

  it.each([
    ['http', createHttp2Server],
    ['https', (listener: RequestListener) => createSecureServer(CERTIFICATE, listener as never)],
  ])(
    'stops an HTTP/2 server over %s without a reset stream, and late streams get a 503',
    async (scheme, create) => {
      const semaphore = new Semaphore(1);
      const [limited, work] = [limit(semaphore), defer()];
      const server = create((req: object, res: object) => {
        limited(req as IncomingMessage, res as ServerResponse, () => {
          void work.promise.then(() => (res as ServerResponse).end('served'));
        });
      });
      const shutDown = gracefulShutdown(server, { semaphore }, { deadlineMs: 60_000 });
      let streams = 0;
      server.on('stream', () => streams++);
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const session = connect(`${scheme}://127.0.0.1:${port}`, { rejectUnauthorized: false });
      const running = statusOf(session.request());
      await until(() => semaphore.held === 1);
      const [waiting, isTold] = [statusOf(session.request()), once(session, 'goaway')];
      await until(() => semaphore.waiting === 1);
      // On its way when the server stops.
      const late = statusOf(session.request());
      const stopped = shutDown();
      expect(await waiting).toBe(503);
      await isTold;
      // A client that is told before it has sent the request does not send it.
      expect([await late, streams]).toEqual((await late) === 503 ? [503, 3] : ['ERR_HTTP2_STREAM_ERROR', 2]);
      work.resolve();
      expect([await running, await stopped]).toEqual([200, true]);
      expect(session.closed).toBe(true);
    },
  );

  it('closes idle connections', async () => {
    const { shutDown, server, port } = await start(new Semaphore(1), {});
    const silent = await RawClient.connect(port);
    const idle = await RawClient.connect(port);
    idle.get('/');
    await idle.receives('served');
    await until(async () => (await connectionsOf(server)) === 2);
    const ends = Promise.all([silent.ends(), idle.ends()]);
    const stopped = shutDown();
    await ends;
    silent.socket.end();
    idle.socket.end();
    expect(await stopped).toBe(true);
  });

  it('stops although a limiter throws when it is closed', async () => {
    const warnings = collectWarnings();
    const semaphore = new Semaphore(1);
    jest.spyOn(semaphore, 'close').mockImplementation(() => {
      throw new Error('no end');
    });
    const { shutDown, server } = await start(semaphore, {});
    expect(await shutDown()).toBe(true);
    expect(server.listening).toBe(false);
    expect(warnings).toMatchObject([{ code: 'WARN_SEMAPHORE_CLOSE_FAILED' }]);
    jest.restoreAllMocks();
  });

  it('destroys what is left at the deadline, upgraded sockets too', async () => {
    const { shutDown, url, served, port } = await start(new Semaphore(1), { deadlineMs: 100 });
    const cut = ask(`${url}/hold`).catch(codeOf);
    await until(() => served.length === 1);
    const upgraded = await RawClient.connect(port);
    upgraded.socket.write('GET / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
    await upgraded.receives('101');
    expect(await shutDown()).toBe(false);
    expect(await cut).toBe('ECONNRESET');
    await upgraded.ends();
    upgraded.reset();
  });
});

/** A client that repeats its request on one connection until the server has gone. */
async function keepAsking(url: string, seen: Map<string, number>): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (;;) {
    const outcome = await ask(url, agent).then(({ status }) => String(status), codeOf);
    seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
    if (!/^\d/.test(outcome)) return;
  }
}

function codeOf(error: unknown): string {
  return String((error as NodeJS.ErrnoException).code);
}

/** The status of a stream; its error code if it was reset. */
async function statusOf(stream: ClientHttp2Stream): Promise<unknown> {
  let status: unknown;
  stream.once('response', (headers) => (status = headers[':status']));
  stream.on('error', (error) => (status = codeOf(error)));
  stream.resume();
  await once(stream, 'close').catch(() => undefined);
  return status;
}

interface Answer {
  readonly status: number | undefined;
  readonly connection: string | undefined;
}

function ask(url: string, agent?: Agent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const req = request(url, { agent: agent ?? false }, (res) => {
      res.resume();
      res.once('error', reject);
      res.once('end', () => {
        resolve({ status: res.statusCode, connection: res.headers.connection });
      });
    });
    req.once('error', reject);
    req.end();
  });
}
