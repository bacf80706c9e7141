import { EventEmitter, once } from 'node:events';
import { ServerResponse } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { execFile } from 'node:child_process';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { createMocks } from 'node-mocks-http';
import { limit, permitOf, Semaphore } from 'express-semaphore';
import type { Permit } from 'express-semaphore';
import { serveHttp2 } from '../helpers/http2';
import { defer, RawClient, serve, until } from '../helpers/serve';

const run = promisify(execFile);

const UPGRADE = 'GET / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n';

/** light-my-request, in a process of its own: on Node 20 Jest cannot load one of its dependencies. */
const INJECTED = `
  import inject from 'light-my-request';
  import lib from './lib/index.ts';
  const { limit, Semaphore } = lib;
  const semaphore = new Semaphore(2);
  await semaphore.acquire();
  const { payload } = await inject((req, res) => {
    limit(semaphore)(req, res, () => res.end('served'));
  }, '/');
  console.log(JSON.stringify({ payload, held: semaphore.held }));
`;

describe('limit on a host', () => {
  it('that injects requests without a socket releases once', async () => {
    const { stdout } = await run(process.execPath, [
      '--import',
      'tsx',
      '--input-type=module',
      '-e',
      INJECTED,
    ]);
    expect(JSON.parse(stdout)).toEqual({ payload: 'served', held: 1 });
  });

  it('that emits only finish and has no socket releases', () => {
    const semaphore = new Semaphore(1);
    const { req, res } = mocks();
    limit(semaphore)(req, res, () => {
      expect(semaphore.held).toBe(1);
      res.end();
    });
    expect(semaphore.stats()).toMatchObject({ held: 0, acquired: 1 });
  });

  it('that emits finish twice releases once', async () => {
    const semaphore = new Semaphore(2);
    using other = await semaphore.acquire();
    const { req, res } = mocks();
    limit(semaphore)(req, res, () => undefined);
    res.emit('finish');
    res.emit('finish');
    res.emit('close');
    expect(semaphore.held).toBe(other.weight);
  });

  it('whose earlier listener throws releases all the same', () => {
    const semaphore = new Semaphore(1);
    const { req, res } = mocks();
    res.on('finish', () => {
      throw new Error('of another');
    });
    limit(semaphore)(req, res, () => undefined);
    expect(() => res.emit('finish')).toThrow('of another');
    expect(semaphore.held).toBe(0);
  });

  it.each(['finish', 'close'] as const)('that removes the listeners of %s releases by the other', (event) => {
    const semaphore = new Semaphore(1);
    const { req, res } = mocks();
    limit(semaphore)(req, res, () => undefined);
    res.removeAllListeners(event);
    res.emit(event === 'finish' ? 'close' : 'finish');
    expect(semaphore.held).toBe(0);
  });

  it('that removes all listeners of the response releases when the client resets', async () => {
    const semaphore = new Semaphore(1);
    const limited = limit(semaphore, { maxWaitMs: Infinity });
    const passed: string[] = [];
    await using server = await serve((req, res) => {
      limited(req, res, () => {
        passed.push(req.url ?? '');
        if (req.url === '/first') res.end('served');
        else res.removeAllListeners();
      });
    });
    const client = await RawClient.connect(server.port);
    client.get('/first', '/second');
    await until(() => passed.length === 2);
    const waiting = await RawClient.connect(server.port);
    waiting.get('/third');
    await until(() => semaphore.waiting === 1);
    client.reset();
    await until(() => passed.length === 3);
    expect(passed).toEqual(['/first', '/second', '/third']);
    waiting.reset();
    await semaphore.idle();
  });

  it('that removes all listeners of a queued response dequeues it when the client resets', async () => {
    const semaphore = new Semaphore(1);
    const limited = limit(semaphore, { maxWaitMs: Infinity });
    const next = jest.fn();
    await using server = await serve((req, res) => {
      limited(req, res, next);
      res.removeAllListeners();
    });
    using blocker = await semaphore.acquire();
    const client = await RawClient.connect(server.port);
    client.get('/');
    await until(() => semaphore.waiting === 1);
    client.reset();
    await until(() => semaphore.waiting === 0);
    expect(semaphore.held).toBe(blocker.weight);
    expect(next).not.toHaveBeenCalled();
  });

  it('that keeps something else as the stream of its response releases with that response', async () => {
    const semaphore = new Semaphore(1);
    const limited = limit(semaphore);
    await using server = await serve((req, res) => {
      const stream = Readable.from(['of another']).resume();
      Object.assign(res, { stream });
      limited(req, res, () => {
        stream.once('close', () => res.end(String(semaphore.held)));
      });
    });
    const response = await fetch(server.url);
    expect(await response.text()).toBe('1');
    await semaphore.idle();
  });

  it.each(['stdout', null, {}])(
    'that keeps %j as the stream of its response releases with it',
    async (stream) => {
      const semaphore = new Semaphore(1);
      const limited = limit(semaphore);
      await using server = await serve((req, res) => {
        Object.assign(res, { stream });
        limited(req, res, () => res.end(String(semaphore.held)));
      });
      const response = await fetch(server.url);
      expect(await response.text()).toBe('1');
      await semaphore.idle();
    },
  );

  it('that has sent its response before drops the request', () => {
    const { req, res } = mocks();
    const next = jest.fn();
    res.end();
    limit(new Semaphore(1))(req, res, next);
    expect(next).not.toHaveBeenCalled();
  });
});

describe('limit on HTTP/2', () => {
  it('releases after a response without aborting the signal, and after a reset with aborting it', async () => {
    const semaphore = new Semaphore(1);
    const limited = limit(semaphore);
    const permits: (Permit | undefined)[] = [];
    await using pair = await serveHttp2((req, res) => {
      limited(req, res, () => {
        permits.push(permitOf(res));
        if (req.url === '/') res.end(String(semaphore.held));
        else res.write('half');
      });
    });

    const served = pair.client.request({ ':path': '/' }).setEncoding('utf8');
    expect(await once(served, 'data')).toEqual(['1']);
    await semaphore.idle();
    expect(permits[0]?.signal.aborted).toBe(false);

    const reset = pair.client.request({ ':path': '/reset' });
    await once(reset, 'data');
    reset.close(8);
    await semaphore.idle();
    expect(permits[1]?.signal.aborted).toBe(true);
    expect(semaphore.stats()).toMatchObject({ held: 0, acquired: 2 });
  });

  it('dequeues, or never queues, a stream that was reset', async () => {
    const semaphore = new Semaphore(1);
    const limited = limit(semaphore, { maxWaitMs: Infinity });
    const next = jest.fn();
    const late = defer<{ enter: () => void; closed: Promise<unknown> }>();
    await using pair = await serveHttp2((req, res) => {
      const enter = () => {
        limited(req, res, next);
      };
      if (req.url === '/late') late.resolve({ enter, closed: once(res.stream, 'close') });
      else enter();
    });
    using blocker = await semaphore.acquire();

    const waiting = pair.client.request({ ':path': '/' });
    await until(() => semaphore.waiting === 1);
    waiting.close(8);
    await until(() => semaphore.waiting === 0);

    const gone = pair.client.request({ ':path': '/late' });
    const { enter, closed } = await late.promise;
    gone.close(8);
    await closed;
    enter();
    expect(semaphore.waiting).toBe(0);
    expect(semaphore.held).toBe(blocker.weight);
    expect(next).not.toHaveBeenCalled();
  });

  it('releases after a reset even if all listeners of the response were removed', async () => {
    const semaphore = new Semaphore(2);
    const limited = limit(semaphore);
    await using pair = await serveHttp2((req, res) => {
      limited(req, res, () => {
        res.removeAllListeners();
        res.write('half');
      });
    });
    const streams = [pair.client.request({ ':path': '/' }), pair.client.request({ ':path': '/' })];
    for (const stream of streams) await once(stream, 'data');
    for (const [index, stream] of streams.entries()) {
      stream.close(8);
      await until(() => semaphore.held === 1 - index);
    }
  });
});

describe('an upgrade', () => {
  it("reaches no middleware; acquire and the socket's close limit it", async () => {
    const semaphore = new Semaphore(1);
    const limited = limit(semaphore);
    const seen = jest.fn();
    await using server = await serve((req, res) => {
      seen();
      limited(req, res, () => res.end());
    });
    const sockets: Socket[] = [];
    server.server.on('upgrade', (_req, socket: Socket) => {
      const permit = semaphore.tryAcquire();
      if (permit === undefined) {
        socket.end('HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n');
        return;
      }
      socket.once('close', () => {
        permit.release();
      });
      sockets.push(socket);
      socket.on('error', () => undefined);
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
      socket.resume();
    });
    const first = await RawClient.connect(server.port);
    first.socket.write(UPGRADE);
    await first.receives(' 101 ');
    const second = await RawClient.connect(server.port);
    second.socket.write(UPGRADE);
    await second.receives(' 503 ');
    second.socket.destroy();
    first.reset();
    await semaphore.idle();
    expect(seen).not.toHaveBeenCalled();
    expect(sockets).toHaveLength(1);
  });

  it('that a host sends through its middleware holds a permit until it closes', async () => {
    const semaphore = new Semaphore(1);
    const limited = limit(semaphore, { maxWaitMs: Infinity });
    const passed = jest.fn();
    await using server = await serve(() => undefined);
    server.server.on('upgrade', (req, socket: Socket) => {
      socket.on('error', () => undefined);
      limited(req, new ServerResponse(req), passed);
    });
    const [first, second] = [await RawClient.connect(server.port), await RawClient.connect(server.port)];
    try {
      first.socket.write(UPGRADE);
      await until(() => semaphore.held === 1);
      second.socket.write(UPGRADE);
      await until(() => semaphore.waiting === 1);
      expect(passed).toHaveBeenCalledTimes(1);
      first.reset();
      await until(() => passed.mock.calls.length === 2);
    } finally {
      // The server does not close upgraded connections.
      first.reset();
      second.reset();
    }
    await semaphore.idle();
  });
});

function mocks(): { req: IncomingMessage; res: ServerResponse } {
  return createMocks({}, { eventEmitter: EventEmitter });
}
