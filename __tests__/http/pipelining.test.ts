import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { admission, KeyedSemaphore, limit, Semaphore } from 'express-semaphore';
import { allGone, defer, RawClient, serve, until } from '../helpers/serve';

type Exchanged = [req: IncomingMessage, res: ServerResponse];

describe('pipelined requests', () => {
  it('do not deadlock when the first is still on its way to the limit', async () => {
    await using slow = await serveWithSlowAuth();
    const client = await RawClient.connect(slow.port);
    client.get('/a', '/b');
    await until(() => slow.arrived.length === 2);
    expect(slow.semaphore.stats()).toMatchObject({ held: 0, waiting: 0, acquired: 0 });
    slow.authorize();
    await client.receives('served /b');
    expect(slow.served).toEqual(['/a', '/b']);
    await slow.semaphore.idle();
  });

  it('leave no permit held when the client leaves while the first is still on its way', async () => {
    await using slow = await serveWithSlowAuth();
    const client = await RawClient.connect(slow.port);
    client.get('/a', '/b');
    await until(() => slow.arrived.length === 2);
    client.reset();
    await allGone(slow.server);
    slow.authorize();
    expect((await fetch(`${slow.url}/c`)).status).toBe(200);
    expect(slow.served).toEqual(['/c']);
    await slow.semaphore.idle();
  });

  it.each<[string, (semaphore: Semaphore, gone: Promise<void>) => RequestListener]>([
    [
      'its key is being looked up',
      (semaphore, gone) => {
        const keyed = new KeyedSemaphore(() => semaphore);
        const limited = limit(keyed, { key: () => gone.then(() => 'k') });
        return (req, res) => {
          limited(req, res, () => res.end());
        };
      },
    ],
    [
      'it is between two limits',
      (semaphore, gone) => {
        const first = limit(new Semaphore(2), { skip: ({ url }) => url === '/b' });
        const second = limit(semaphore);
        return (req, res) => {
          first(req, res, () => {
            void gone.then(() => {
              second(req, res, () => res.end());
            });
          });
        };
      },
    ],
    [
      'it has been answered before its turn',
      (semaphore) => {
        const limited = limit(semaphore);
        return (req, res) => {
          if (req.url === '/b') res.end('early');
          if (req.url === '/b') limited(req, res, () => undefined);
        };
      },
    ],
  ])('leave no permit held when the client leaves and for the second %s', async (_name, listenerOf) => {
    const semaphore = new Semaphore(1);
    const gone = defer();
    const arrived: ServerResponse[] = [];
    const listener = listenerOf(semaphore, gone.promise);
    await using server = await serve((req, res) => {
      arrived.push(res);
      listener(req, res);
    });
    const client = await RawClient.connect(server.port);
    client.get('/a', '/b');
    await until(() => arrived.length === 2);
    client.reset();
    await allGone(server.server);
    gone.resolve();
    await new Promise((resolve) => setImmediate(resolve));
    expect(semaphore.stats()).toMatchObject({ held: 0, waiting: 0 });
  });

  it('do not wait for a turn after their response has ended', async () => {
    const key = defer<string>();
    const decisions: unknown[] = [];
    const later: ServerResponse[] = [];
    const admit = admission(new KeyedSemaphore(() => new Semaphore(1)), { key: () => key.promise });
    await using served = await serve((req, res) => {
      if (req.url === '/b') later.push(res);
      else {
        void Promise.resolve(admit(req, res)).then((decision) => decisions.push(decision));
        res.end('answered early');
      }
    });
    const client = await RawClient.connect(served.port);
    client.get('/a');
    await client.receives('answered early');
    client.get('/b'); // its response owns the connection now
    await until(() => later.length === 1);
    key.resolve('k');
    await until(() => decisions.length === 1);
    expect(decisions).toEqual(['over']);
    later[0]?.end();
  });

  it('are limited once they have their turn even if answered early', async () => {
    const semaphore = new Semaphore(1);
    const limited = limit(semaphore);
    const open = defer();
    const arrived: string[] = [];
    const passed: string[] = [];
    await using server = await serve((req, res) => {
      arrived.push(pathOf(req));
      if (req.url === '/a') void open.promise.then(() => res.end('a'));
      else res.end('early b');
      limited(req, res, () => passed.push(pathOf(req)));
    });
    const client = await RawClient.connect(server.port);
    client.get('/a', '/b');
    await until(() => arrived.length === 2);
    expect(passed).toEqual(['/a']);
    open.resolve();
    await client.receives('early b');
    await semaphore.idle();
    expect(semaphore.held).toBe(0);
  });

  it('of which at most 100 wait for their turn, are counted as rejected beyond, and free their place at their turn', async () => {
    const semaphore = new Semaphore(1);
    const limited = limit(semaphore, { maxWaitMs: Infinity });
    const arrived: Exchanged[] = [];
    let open = defer();
    await using server = await serve((req, res) => {
      arrived.push([req, res]);
      limited(req, res, () => {
        void open.promise.then(() => res.end('served'));
      });
    });
    const client = await RawClient.connect(server.port);
    for (let round = 1; round <= 2; round++) {
      client.received = '';
      client.get(...Array.from({ length: 103 }, () => '/'));
      await until(() => arrived.length === round * 103);
      open.resolve();
      open = defer();
      open.resolve();
      await until(() => client.received.split('HTTP/1.1 ').length === 104);
      expect(client.received.split('HTTP/1.1 200 OK')).toHaveLength(1 + 101);
      expect(client.received.split('too many requests on one connection')).toHaveLength(1 + 2);
      await semaphore.idle();
      expect(semaphore.stats().rejected.ERR_SEMAPHORE_QUEUE_FULL).toBe(2 * round);
      open = defer();
    }
  });
});

describe('a connection', () => {
  it('gets one listener of the package, however many requests it carries', async () => {
    const limited = limit(new Semaphore(1), { maxWaitMs: Infinity });
    const withLimit = await listenersWhileAnswering((req, res, next) => {
      limited(req, res, next);
    });
    const { during, after } = await listenersWhileAnswering((_req, _res, next) => {
      next();
    });
    expect(withLimit).toEqual({ during: withOneMore(during), after: withOneMore(after) });
  });
});

/** A server whose limit of one comes after an authentication, which takes until `authorize` for the path `/a`. */
async function serveWithSlowAuth() {
  const semaphore = new Semaphore(1);
  const limited = limit(semaphore, { maxWaitMs: Infinity });
  const auth = defer();
  const arrived: string[] = [];
  const served: string[] = [];
  const server = await serve((req, res) => {
    arrived.push(pathOf(req));
    const enter = () => {
      limited(req, res, () => {
        served.push(pathOf(req));
        res.end(`served ${pathOf(req)}`);
      });
    };
    if (req.url === '/a') void auth.promise.then(enter);
    else enter();
  });
  return { ...server, semaphore, arrived, served, authorize: auth.resolve };
}

function withOneMore(listeners: Record<string, number>): Record<string, number> {
  return { ...listeners, close: (listeners['close'] ?? 0) + 1 };
}

/** Listeners on the socket while the first of 20 pipelined requests is answered, and when all have been. */
async function listenersWhileAnswering(
  middleware: (req: IncomingMessage, res: ServerResponse, next: () => void) => void,
): Promise<Record<'during' | 'after', Record<string, number>>> {
  const arrived: Exchanged[] = [];
  const open = defer();
  await using server = await serve((req, res) => {
    arrived.push([req, res]);
    middleware(req, res, () => {
      void open.promise.then(() => res.end('served'));
    });
  });
  const client = await RawClient.connect(server.port);
  client.get(...Array.from({ length: 20 }, () => '/'));
  await until(() => arrived.length === 20);
  const socket = arrived[0]?.[0].socket;
  const during = listenersOf(socket);
  open.resolve();
  await until(() => client.received.split('served').length === 21);
  await until(() => arrived.every(([, res]) => res.closed));
  return { during, after: listenersOf(socket) };
}

function listenersOf(socket?: Socket): Record<string, number> {
  const events = socket?.eventNames() ?? [];
  return Object.fromEntries(events.map((event) => [String(event), socket?.listenerCount(event) ?? 0]));
}

function pathOf({ url }: IncomingMessage): string {
  return url ?? '';
}
