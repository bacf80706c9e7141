import { KeyedSemaphore, withSemaphore } from 'express-semaphore';
import type { Limiter, WaitTimeoutError } from 'express-semaphore';
import { RedisSemaphore } from '../../lib/redis';
import type { RedisSemaphoreOptions } from '../../lib/redis';
import { withRedis } from '../helpers/needs';
import { endPause, firstLeaseEnd, readState } from '../helpers/redis-state';
import type { LimitState } from '../helpers/redis-state';
import { CLIENTS } from '../helpers/redis-clients';
import type { TestClient } from '../helpers/redis-clients';
import { RedisServer } from '../helpers/redis-server';
import { until } from '../helpers/serve';
import { states, watch } from '../helpers/watch';

withRedis.describe.each(Object.entries(CLIENTS))('A RedisSemaphore through %s', (_, connect) => {
  let server: RedisServer;
  /** Two nodes of a fleet: what they share, they share through the server. */
  let clients: TestClient[];
  let names = 0;

  beforeAll(async () => {
    server = await RedisServer.start();
    clients = await Promise.all([connect(server.port), connect(server.port)]);
  });

  afterAll(async () => {
    for (const client of clients) await client[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  /** The same limit on each of the nodes. */
  function fleet(options: Omit<RedisSemaphoreOptions, 'name'>): [RedisSemaphore, RedisSemaphore] {
    const name = `fleet-${++names}`;
    const [a, b] = clients.map(
      ({ client }) => new RedisSemaphore(client, { name, timeoutMs: 10_000, ...options }),
    );
    if (a === undefined || b === undefined) throw new Error('there are two clients');
    return [a, b];
  }

  function redis(...args: string[]): Promise<unknown> {
    return clients[0]?.command(...args) ?? Promise.reject(new Error('there are two clients'));
  }

  /** Those of the last fleet. */
  function state(): Promise<LimitState> {
    return readState(redis, `fleet-${names}`);
  }

  it('shares one limit between nodes, first come, first served', async () => {
    const [a, b] = fleet({ permits: 1 });
    const held = await a.acquire();
    const order: string[] = [];
    const runs: Promise<void>[] = [];
    for (const [name, node] of [
      ['b1', b],
      ['a1', a],
      ['b2', b],
      ['a2', a],
    ] as const) {
      runs.push(
        node.run(() => {
          order.push(name);
        }),
      );
      const { waiters } = await state();
      while ((await state()).waiters === waiters && waiters < runs.length) await b.ready();
    }
    held.release();
    await Promise.all(runs);
    expect(order).toEqual(['b1', 'a1', 'b2', 'a2']);
    await Promise.all([a.idle(), b.idle()]);
    expect(await state()).toEqual({ holders: 0, waiters: 0, used: 0 });
  });

  it('never lets more run than there are permits, in all nodes together', async () => {
    const nodes = fleet({ permits: 3 });
    let running = 0;
    let peak = 0;
    const work = async (): Promise<void> => {
      peak = Math.max(peak, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
    };
    const jobs = Array.from({ length: 200 }, (__, i) => nodes[i % 2 === 0 ? 0 : 1].run(work));
    await Promise.all(jobs);
    expect(peak).toBe(3);
    await Promise.all(nodes.map((node) => node.idle()));
    expect(await state()).toEqual({ holders: 0, waiters: 0, used: 0 });
  });

  it('removes a waiter that leaves from the queue of all nodes', async () => {
    const [a, b] = fleet({ permits: 1 });
    const held = await a.acquire();
    const leaving = new AbortController();
    const aborted = watch(b.acquire({ signal: leaving.signal }));
    const timedOut = watch(b.acquire({ maxWaitMs: 20 }));
    const next = watch(a.acquire());
    await until(() => timedOut.state === 'rejected');
    leaving.abort();
    held.release();
    await until(() => next.state === 'fulfilled');
    expect(aborted.state).toBe('rejected');
    await b.idle();
    expect(await state()).toEqual({ holders: 1, waiters: 0, used: 1 });
    next.value.release();
    await a.idle();
  });

  it('gives each grant a fence above all before it', async () => {
    const [a, b] = fleet({ permits: 2 });
    const fences: number[] = [];
    for (const node of [a, b, a, b]) {
      const permit = await node.acquire();
      fences.push(permit.fencingToken);
      permit.release();
      await node.idle();
    }
    expect(fences).toEqual([...new Set(fences)].sort((x, y) => x - y));
    expect(fences[0]).toBeGreaterThan(0);
  });

  it('changes the limit for every node, and keeps it against nodes with an older version', async () => {
    const [a, b] = fleet({ permits: 1 });
    const first = await a.acquire();
    const waiting = [watch(b.acquire()), watch(b.acquire())];
    a.resize(3);
    await until(() => waiting.every(({ state }) => state === 'fulfilled'));
    await b.ready();
    expect(b.permits).toBe(3);
    const late = new RedisSemaphore(clients[1]?.client as never, {
      name: `fleet-${names}`,
      permits: 1,
      timeoutMs: 10_000,
    });
    await late.ready();
    expect(late.permits).toBe(3);
    const deployed = new RedisSemaphore(clients[1]?.client as never, {
      name: `fleet-${names}`,
      permits: 5,
      version: 2,
      timeoutMs: 10_000,
    });
    await deployed.ready();
    await a.ready();
    expect([a.permits, deployed.permits]).toEqual([5, 5]);
    for (const permit of [first, ...waiting.map(({ value }) => value)]) permit.release();
    await Promise.all([a.idle(), b.idle()]);
  });

  it('rejects on every node the waiters above a smaller limit', async () => {
    const [a, b] = fleet({ permits: 3 });
    const held = await a.acquire({ weight: 3 });
    const heavy = watch(b.acquire({ weight: 2 }));
    const light = watch(b.acquire());
    await b.ready();
    a.resize(1);
    await until(() => heavy.state === 'rejected');
    expect(heavy.reason).toEqual(new RangeError('weight must be at most permits (1), got 2'));
    held.release();
    await until(() => light.state === 'fulfilled');
    light.value.release();
    await Promise.all([a.idle(), b.idle()]);
  });

  it('leaves nothing in Redis once all is idle', async () => {
    const leaseMs = 20_000;
    const keyed = new KeyedSemaphore(
      (name) =>
        new RedisSemaphore(clients[0]?.client as never, { name, permits: 1, leaseMs, timeoutMs: 10_000 }),
    );
    await redis('FLUSHALL');
    const permits = await Promise.all(Array.from({ length: 50 }, (__, i) => keyed.acquire(`user ${i}`)));
    expect(Number(await redis('DBSIZE'))).toBe(100);
    for (const permit of permits) permit.release();
    await keyed.idle();
    const script = `
      local times = {}
      for i, key in ipairs(redis.call('KEYS', '*')) do times[i] = redis.call('PTTL', key) end
      return times`;
    // What is left are the states. Each has an expiry, which is -1 of a key that stays.
    const left = (await redis('EVAL', script, '0')) as unknown[];
    expect(left.length).toBeLessThanOrEqual(50);
    for (const ms of left.map(Number)) expect([ms > 0 && ms <= 3 * leaseMs, ms]).toEqual([true, ms]);
  });

  it('keeps a batch for the next callers, and gives it back when nobody here needs it', async () => {
    const [a] = fleet({ permits: 10, prefetch: 4 });
    const first = await a.acquire();
    await until(() => a.tryAcquire()?.release() === undefined && a.stats().acquired > 1);
    expect(await state()).toEqual({ holders: 4, waiters: 0, used: 4 });
    const more = [a.tryAcquire(), a.tryAcquire(), a.tryAcquire()];
    expect(more).not.toContain(undefined);
    expect(a.tryAcquire()).toBeUndefined();
    expect(a.held).toBe(4);
    for (const permit of [first, ...more]) permit?.release();
    expect(a.held).toBe(0);
    await a.idle();
    expect(await state()).toEqual({ holders: 0, waiters: 0, used: 0 });
  });

  it('keeps no prefetched permit while other callers are queued', async () => {
    const [a, b] = fleet({ permits: 4, prefetch: 4 });
    const first = await a.acquire();
    await until(() => a.tryAcquire()?.release() === undefined && a.stats().acquired > 1);
    const waiting = watch(b.acquire());
    await until(() => waiting.state === 'fulfilled');
    const heavy = watch(b.acquire({ weight: 3 }));
    first.release();
    await until(() => heavy.state === 'fulfilled');
    waiting.value.release();
    heavy.value.release();
    await Promise.all([a.idle(), b.idle()]);
    expect(await state()).toEqual({ holders: 0, waiters: 0, used: 0 });
  });

  it('grants no more than the limit, and goes on, when the holders are evicted', async () => {
    const [a, b] = fleet({ permits: 1, leaseMs: 60_000, timeoutMs: 10_000 });
    const held = await a.acquire();
    await redis('DEL', `{semaphore:fleet-${names}}:h`);
    const next = watch(b.acquire());
    await until(async () => (await state()).waiters === 1);
    await until(async () => {
      // An answer tells of the loss before the next renewal does.
      await a.ready();
      return (await state()).used === 1;
    });
    expect([next.state, held.signal.aborted]).toEqual(['pending', false]);
    await endPause(redis, `fleet-${names}`);
    held.release();
    await until(() => next.state === 'fulfilled');
    next.value.release();
    await Promise.all([a.idle(), b.idle()]);
    expect(await state()).toEqual({ holders: 0, waiters: 0, used: 0 });
  });

  it('knows how fast its waiters are served, and when a retry can succeed', async () => {
    const [a] = fleet({ permits: 1 });
    let isOver = false;
    const work = async (): Promise<void> => {
      while (!isOver) {
        await a.run(() => new Promise((resolve) => setTimeout(resolve, 20)));
      }
    };
    const workers = [work(), work(), work()];
    await until(() => a.stats().releasesPerSecond !== undefined);
    const rejected = await a.acquire({ maxWaitMs: 1 }).catch((error: unknown) => error);
    // One permit that is held for 20 ms, by timers that may be 1 ms early, comes back 52 times a second at most.
    expect(a.stats().releasesPerSecond).toBeGreaterThan(0);
    expect(a.stats().releasesPerSecond).toBeLessThan(1_000 / 19);
    expect((rejected as WaitTimeoutError).retryAfterMs).toBeGreaterThan(2 * 19);
    isOver = true;
    await Promise.all(workers);
    await a.idle();
  });

  it('goes wherever a limiter goes', async () => {
    const [a]: [Limiter, ...unknown[]] = fleet({ permits: 1 });
    const twice = withSemaphore(a)((n: number) => Promise.resolve(2 * n));
    expect(await Promise.all([twice(1), twice(2)])).toEqual([2, 4]);
    await a.idle();
    expect(a.stats()).toMatchObject({ acquired: 2, held: 0, backend: 'up' });
  });

  it('loses no acquire when the server forgets its scripts', async () => {
    const [a, b] = fleet({ permits: 2 });
    const jobs: Promise<void>[] = [];
    for (let i = 0; i < 20; i++) {
      await redis('SCRIPT', 'FLUSH');
      for (const node of [a, b]) jobs.push(node.run(() => undefined));
    }
    const done = jobs.map((job) => watch(job));
    await until(() => done.every(({ state }) => state === 'fulfilled'));
    expect(new Set(states(done))).toEqual(new Set(['fulfilled']));
  });
});

withRedis.it(
  'A RedisSemaphore keeps a permit for longer than its lease, and its signal quiet, while it is renewed',
  async () => {
    await using server = await RedisServer.start();
    // At the same time through each library: the lease is long, so that a busy machine can renew it.
    await Promise.all(
      Object.entries(CLIENTS).map(async ([name, connect]) => {
        await using own = await connect(server.port);
        await using others = await connect(server.port);
        const options = { name, permits: 1, leaseMs: 12_000, timeoutMs: 10_000 };
        const [a, b] = [own, others].map(({ client }) => new RedisSemaphore(client, options));
        if (a === undefined || b === undefined) throw new Error('there are two clients');
        const command = (...args: string[]): Promise<unknown> => others.command(...args);
        const permit = await a.acquire();
        const firstEnd = await firstLeaseEnd(command, name);
        const next = watch(b.acquire());
        // The server and this process have the same clock.
        await until(() => Date.now() > firstEnd);
        await expect(b.acquire({ maxWaitMs: 0 })).rejects.toMatchObject({
          code: 'ERR_SEMAPHORE_WAIT_TIMEOUT',
        });
        expect([permit.signal.aborted, next.state]).toEqual([false, 'pending']);
        expect(await firstLeaseEnd(command, name)).toBeGreaterThan(firstEnd);
        permit.release();
        await until(() => next.state === 'fulfilled');
        next.value.release();
        await Promise.all([a.idle(), b.idle()]);
      }),
    );
  },
);

describe('RedisSemaphore options', () => {
  it('rejects an unknown client', () => {
    expect(() => new RedisSemaphore({} as never, { name: 'x', permits: 1 })).toThrow(
      new TypeError('client must be a client of node-redis, ioredis or valkey-glide, got an object'),
    );
  });

  it.each([
    [{ name: 1 }, TypeError, 'name must be a string, got 1'],
    [{ permits: -1 }, RangeError, 'permits must be an integer of at least 0, got -1'],
    [{ version: 0.5 }, RangeError, 'version must be an integer of at least 0, got 0.5'],
    [{ prefix: 'a b' }, RangeError, `prefix must be letters, digits, ':', '.', '_' or '-', got "a b"`],
    [{ leaseMs: 99 }, RangeError, 'leaseMs must be an integer from 100 to 715827882, got 99'],
    [{ timeoutMs: 0 }, RangeError, 'timeoutMs must be an integer from 1 to 2147483647, got 0'],
    [{ expectedNodes: 0 }, RangeError, 'expectedNodes must be an integer of at least 1, got 0'],
    [
      { onUnavailable: 'toString' },
      RangeError,
      `onUnavailable must be local, open or closed, got "toString"`,
    ],
  ])('rejects %p and names the option', (bad, kind, message) => {
    const options = { name: 'x', permits: 1, ...bad } as RedisSemaphoreOptions;
    expect(() => new RedisSemaphore({ on: () => undefined, evalsha: 0 } as never, options)).toThrow(
      new kind(message),
    );
  });
});
