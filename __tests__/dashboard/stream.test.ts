import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import express from 'express';
import { KeyedSemaphore, limit, Semaphore } from 'express-semaphore';
import type { Limiter, Middleware } from 'express-semaphore';
import { dashboard } from 'express-semaphore/dashboard';
import type { DashboardOptions } from 'express-semaphore/dashboard';
import type { Frame, LimiterFrame } from '../../lib/dashboard/frame';
import { FrameReader } from '../../lib/dashboard/read-frame';
import { EventStream } from '../helpers/event-stream';
import { allGone, connectionsOf, RawClient, serve, until } from '../helpers/serve';
import { collectWarnings } from '../helpers/warnings';
import { turn } from '../helpers/watch';

afterEach(() => {
  jest.restoreAllMocks();
});

describe('a frame', () => {
  it('has the values of stats()', async () => {
    const api = new Semaphore(2, { queueLimit: 1 });
    const permits = [await api.acquire(), await api.acquire()];
    const waits = api.acquire();
    await expect(api.acquire()).rejects.toThrow('the queue is full');
    await using shown = await show({ api });
    const { held, waiting, acquired, rejected } = api.stats();
    expect(await shown.limiter('api')).toEqual({
      name: 'api',
      permits: 2,
      held,
      waiting,
      acquired,
      released: 0,
      rejected,
    });
    expect([held, waiting, acquired, rejected.ERR_SEMAPHORE_QUEUE_FULL]).toEqual([2, 1, 2, 1]);
    for (const permit of permits) permit.release();
    (await waits).release();
    const { frame } = await shown.find(({ limiters }) => limiters[0]?.held === 0);
    expect(frame.acquired).toBe(3);
    const { wait, hold } = api.stats();
    const { p50Ms, p99Ms } = wait;
    expect(frame.wait).toEqual({ p50Ms, p99Ms });
    expect([frame.released, frame.holdP50Ms]).toEqual([3, hold.p50Ms]);
    expect(p50Ms).toBeGreaterThan(0);
  });

  it('lists the busiest keys first: the longest queues, then the keys that hold most', async () => {
    const perUser = new KeyedSemaphore(() => new Semaphore(2, { queueLimit: 5 }));
    for (let n = 0; n < 12; n++) await perUser.acquire(`user ${n}`);
    await perUser.acquire('full');
    await perUser.acquire('full');
    for (let n = 0; n < 2; n++) await perUser.acquire('queueing');
    void perUser.acquire('queueing').catch(() => undefined);
    await using shown = await show({ perUser });
    const { keys, ...sums } = await shown.limiter('perUser');
    expect(sums).toMatchObject({ held: 16, waiting: 1, acquired: 16 });
    expect(sums).not.toHaveProperty('permits');
    expect(keys).toMatchObject({ kept: 14, busy: 14 });
    expect(keys?.busiest).toHaveLength(10);
    expect(keys?.busiest.slice(0, 3)).toEqual([
      { key: 'queueing', permits: 2, held: 2, waiting: 1, rejected: 0 },
      { key: 'full', permits: 2, held: 2, waiting: 0, rejected: 0 },
      { key: 'user 0', permits: 2, held: 1, waiting: 0, rejected: 0 },
    ]);
    perUser.close();
  });

  it('reports the time without a release once a limiter with waiters released nothing for 10 seconds', async () => {
    const api = new Semaphore(1);
    const reader = new FrameReader({ api }, undefined);
    const stuckAt = (ms: number) => {
      jest.spyOn(Date, 'now').mockReturnValue(ms);
      return reader.read().limiters[0]?.stuckMs;
    };
    const permit = await api.acquire();
    expect([stuckAt(0), stuckAt(60_000)]).toEqual([undefined, undefined]);
    const [second, third] = [api.acquire(), api.acquire()];
    expect([stuckAt(60_000), stuckAt(69_999), stuckAt(70_000)]).toEqual([undefined, undefined, 10_000]);
    permit.release();
    expect([stuckAt(80_000), stuckAt(100_000)]).toEqual([undefined, 20_000]);
    (await second).release();
    expect(stuckAt(200_000)).toBeUndefined();
    (await third).release();
  });

  it('tells a pause, of all keys too, from a limiter that is stuck', async () => {
    const [api, perUser] = [new Semaphore(2), new KeyedSemaphore(() => new Semaphore(1))];
    const reader = new FrameReader({ api, perUser }, undefined);
    const readAt = (ms: number) => {
      jest.spyOn(Date, 'now').mockReturnValue(ms);
      return reader.read().limiters.map(({ paused, stuckMs }) => ({ paused, stuckMs }));
    };
    const permit = await api.acquire();
    api.pause();
    perUser.pause();
    const queued = api.acquire();
    expect(readAt(0)).toEqual(readAt(60_000));
    expect(readAt(120_000)).toEqual(Array(2).fill({ paused: true, stuckMs: undefined }));
    api.resume();
    perUser.resume();
    expect(readAt(130_000)).toEqual(Array(2).fill({ paused: undefined, stuckMs: undefined }));
    permit.release();
    (await queued).release();
  });

  it('shows a masked key instead of the key', async () => {
    const perUser = new KeyedSemaphore(() => new Semaphore(1));
    await perUser.acquire('alice@example.org');
    await using shown = await show({ perUser }, { maskKey: (key) => `${key.slice(0, 1)}…` });
    expect((await shown.limiter('perUser')).keys?.busiest[0]?.key).toBe('a…');
    expect(shown.text()).not.toContain('alice');
  });

  it('cuts a long key', async () => {
    const perUser = new KeyedSemaphore(() => new Semaphore(1));
    await perUser.acquire('k'.repeat(10_000));
    await using shown = await show({ perUser });
    expect((await shown.limiter('perUser')).keys?.busiest[0]?.key).toBe(`${'k'.repeat(80)}…`);
  });

  it('shows the limiter that has the name now', async () => {
    const limiters = { api: new Semaphore(1) };
    await using shown = await show(limiters);
    limiters.api = new Semaphore(5);
    const { frame } = await shown.find(({ limiters: [api] }) => api?.permits === 5);
    expect(frame.held).toBe(0);
  });
});

describe('the stream', () => {
  it('ends when the server closes, so that it can', async () => {
    await using shown = await show({ api: new Semaphore(1) });
    await shown.stream.next();
    const closed = once(shown.server, 'close');
    shown.server.close();
    while ((await shown.stream.next()) !== undefined);
    await closed;
  });

  it('reads a limiter once for all viewers', async () => {
    using timers = fakeIntervals();
    const api = new Semaphore(1);
    const stats = jest.spyOn(api, 'stats');
    await using shown = await show({ api });
    const other = await EventStream.open<Frame>(`${shown.url}/events`);
    await shown.stream.next();
    await other.next();
    expect(stats).toHaveBeenCalledTimes(2);
    timers.advance(500);
    expect(await shown.stream.next()).toEqual(await other.next());
    expect(stats).toHaveBeenCalledTimes(3);
    other.leave();
  });

  it('without viewers goes on reading every 5 seconds for 15 minutes, and then stops', async () => {
    using timers = fakeIntervals();
    const api = new Semaphore(1);
    const stats = jest.spyOn(api, 'stats');
    await using shown = await show({ api });
    await shown.stream.next();
    shown.stream.leave();
    await allGone(shown.server);
    await turn();
    timers.advance(500);
    const calls = stats.mock.calls.length;
    timers.advance(60_000);
    expect(stats.mock.calls.length - calls).toBe(12);
    timers.advance(15 * 60_000);
    expect(timers.count).toBe(0);
    const end = stats.mock.calls.length;
    timers.advance(60_000);
    expect(stats).toHaveBeenCalledTimes(end);
    await using again = await show({ api });
    await again.stream.next();
    expect(timers.count).toBe(1);
  });

  it('keeps no AsyncLocalStorage store of the request that opened it', async () => {
    const requests = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[] = [];
    const api = new Semaphore(1);
    const stats = api.stats.bind(api);
    jest.spyOn(api, 'stats').mockImplementation(() => {
      seen.push(requests.getStore());
      return stats();
    });
    const inStore: Middleware = (_req, _res, next) => {
      requests.run('first viewer', next);
    };
    await using shown = await show({ api }, {}, [inStore]);
    await shown.stream.next();
    await shown.stream.next();
    expect(seen.slice(0, 2)).toEqual(['first viewer', undefined]);
  });

  it('releases the permit that limit took for it', async () => {
    const api = new Semaphore(1);
    const perUser = new KeyedSemaphore(() => new Semaphore(1));
    const gates = [limit(api), limit(perUser, { key: () => 'alice' })];
    await using shown = await show({ api, perUser }, {}, gates);
    expect(await shown.limiter('api')).toMatchObject({ held: 0, acquired: 1 });
    await using again = await show({ api, perUser }, {}, gates);
    expect(await again.limiter('perUser')).toMatchObject({ held: 0, acquired: 2 });
  });

  it('ends with a process warning when a key cannot be masked', async () => {
    const warnings = collectWarnings();
    const perUser = new KeyedSemaphore(() => new Semaphore(1));
    await using shown = await show({ perUser }, { maskKey: () => 7 as never });
    await shown.stream.next();
    await perUser.acquire('alice');
    while ((await shown.stream.next()) !== undefined);
    expect(warnings).toMatchObject([
      {
        message: expect.stringContaining('what maskKey returns must be a string, got 7') as string,
        code: 'WARN_SEMAPHORE_DASHBOARD_FAILED',
      },
    ]);
  });

  it('passes an error on when not even the first frame can be read', async () => {
    const broken = new Semaphore(1);
    jest.spyOn(broken, 'stats').mockImplementation(failing);
    const app = express().use(dashboard({ broken }, { authorize: () => true }));
    await using server = await serve(app.set('env', 'test'));
    const response = await fetch(`${server.url}/events`);
    expect(response.status).toBe(500);
    expect(await response.text()).toContain('out of order');
  });

  it('skips frames for a viewer that reads too slowly, and buffers nothing', async () => {
    using timers = fakeIntervals();
    let opened: ServerResponse | undefined;
    const big = { ['n'.repeat(1_000_000)]: new Semaphore(1) };
    const middleware = dashboard(big, { authorize: () => true });
    await using server = await serve((req, res) => {
      opened = res;
      middleware(req, res, () => undefined);
    });
    const client = await RawClient.connect(server.port);
    client.socket.pause();
    client.get('/events');
    await until(() => opened?.headersSent === true);
    timers.advance(4_500);
    expect(opened?.writableLength).toBeGreaterThan(0);
    expect(opened?.writableLength).toBeLessThan(3_000_000);
    timers.advance(1_000);
    expect(opened?.destroyed).toBe(true);
    client.reset();
  });

  it('renews the stream of a viewer that reads frames above the buffer of a response', async () => {
    using timers = fakeIntervals();
    let opened: ServerResponse | undefined;
    const big = { ['n'.repeat(100_000)]: new Semaphore(1) };
    const middleware = dashboard(big, { authorize: () => true });
    await using server = await serve((req, res) => {
      opened = res;
      middleware(req, res, () => undefined);
    });
    const stream = fetch(`${server.url}/events`).then((response) => response.text());
    await until(() => opened?.headersSent === true);
    for (let ticks = 0; ticks < 12 && opened?.writableEnded === false; ticks++) {
      await until(() => opened?.writableNeedDrain === false);
      timers.advance(500);
    }
    expect((await stream).endsWith('event: renew\ndata: {}\n\n')).toBe(true);
  });

  it('is open at most 100 times, not counting those whose pipelined connection has closed', async () => {
    using timers = fakeIntervals();
    const show = dashboard({ api: new Semaphore(1) }, { authorize: () => true });
    let requests = 0;
    await using server = await serve((req, res) => {
      requests++;
      // The first request of the connection is never answered, so Node may not report the end of the others.
      if (req.url !== '/never') show(req, res, () => undefined);
    });
    const client = await RawClient.connect(server.port);
    client.get('/never', ...Array.from({ length: 100 }, () => '/events'));
    await until(() => requests === 101);
    await turn();
    const rejected = await fetch(`${server.url}/events`);
    expect([rejected.status, rejected.headers.get('retry-after')]).toEqual([503, '5']);
    const closed = until(async () => (await connectionsOf(server.server)) < 2);
    client.reset();
    await rejected.text();
    await closed;
    await turn();
    timers.advance(500);
    const { status, body } = await fetch(`${server.url}/events`);
    await body?.cancel();
    expect(status).toBe(200);
  });

  it('forbids compression and proxies to delay it', async () => {
    await using shown = await show({});
    expect(shown.stream.response.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    });
  });
});

/** Intervals and the date, which change only when the test advances them. Sockets are real. */
function fakeIntervals() {
  jest.useFakeTimers({
    doNotFake: ['performance', 'setImmediate', 'nextTick', 'queueMicrotask', 'setTimeout'],
  });
  return {
    advance: (ms: number) => {
      jest.advanceTimersByTime(ms);
    },
    get count() {
      return jest.getTimerCount();
    },
    [Symbol.dispose]: () => {
      jest.useRealTimers();
    },
  };
}

/** A dashboard and one viewer. */
async function show(
  limiters: Record<string, Limiter | KeyedSemaphore>,
  options: DashboardOptions = {},
  before: readonly Middleware[] = [],
) {
  const app = express();
  for (const middleware of before) app.use(middleware);
  app.use(dashboard(limiters, { authorize: () => true, ...options }));
  const server = await serve(app);
  const stream = await EventStream.open<Frame>(`${server.url}/events`);
  let seen = '';
  const find = async (wanted: (frame: Frame) => boolean): Promise<{ frame: LimiterFrame }> => {
    const found = await stream.find((each) => {
      seen += JSON.stringify(each);
      return wanted(each);
    });
    return { frame: first(found.limiters) };
  };
  return {
    ...server,
    stream,
    find,
    text: () => seen,
    async limiter(name: string): Promise<LimiterFrame> {
      const found = await stream.find((each) => {
        seen += JSON.stringify(each);
        return true;
      });
      return first(found.limiters.filter((limiter) => limiter.name === name));
    },
    [Symbol.asyncDispose]: async () => {
      stream.leave();
      if (server.server.listening) await server[Symbol.asyncDispose]();
    },
  };
}

function failing(): never {
  throw new Error('out of order');
}

function first<Value>([value]: readonly Value[]): Value {
  if (value === undefined) throw new Error('there is none');
  return value;
}
