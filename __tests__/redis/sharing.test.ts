import express from 'express';
import { KeyedSemaphore, limit, permitOf } from 'express-semaphore';
import { RedisSemaphore } from '../../lib/redis';
import type { RedisSemaphoreOptions } from '../../lib/redis';
import { keyNames } from '../../lib/redis/sync/keys';
import { withRedis } from '../helpers/needs';
import { CLIENTS } from '../helpers/redis-clients';
import type { TestClient } from '../helpers/redis-clients';
import { RedisServer } from '../helpers/redis-server';
import { readState } from '../helpers/redis-state';
import { serve, until } from '../helpers/serve';

describe('The keys of a limit', () => {
  it('differ for each two pairs of prefix and name', () => {
    const pairs = [
      ['app', 'users:eve'],
      ['app:users', 'eve'],
      ['app', 'users/eve'],
      ['app:', 'users:eve'],
      ['app', ':users:eve'],
      ['app', 'a'.repeat(65)],
      ['app', keyNames('app', 'a'.repeat(65))[0].slice(5, -3)],
    ] as const;
    const keys = pairs.map(([prefix, name]) => keyNames(prefix, name)[0]);
    expect(new Set(keys).size).toBe(pairs.length);
  });
});

withRedis.describe.each(Object.entries(CLIENTS))('A limit shared through %s', (_, connect) => {
  let server: RedisServer;
  let clients: TestClient[];
  let names = 0;

  beforeAll(async () => {
    server = await RedisServer.start();
    clients = await Promise.all([1, 2, 3].map(() => connect(server.port)));
  }, 120_000);

  afterAll(async () => {
    for (const client of clients) await client[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  function on(
    node: number,
    options: Partial<RedisSemaphoreOptions>,
    name = `shared-${names}`,
  ): RedisSemaphore {
    const client = clients[node]?.client;
    if (client === undefined) throw new Error('there are three clients');
    return new RedisSemaphore(client, { name, permits: 5, timeoutMs: 10_000, ...options });
  }

  function command(...args: string[]): Promise<unknown> {
    return clients[0]?.command(...args) ?? Promise.reject(new Error('there are three clients'));
  }

  it('goes by a new version, however often it was resized before', async () => {
    names++;
    const old = on(0, {});
    for (const permits of [6, 7, 8]) {
      old.resize(permits);
      await old.ready();
    }
    const deployed = on(1, { permits: 20, version: 1 });
    await deployed.ready();
    await old.ready();
    expect([old.permits, deployed.permits]).toEqual([20, 20]);
    old.resize(9);
    await old.idle();
    await deployed.ready();
    expect(deployed.permits).toBe(9);
  });

  it('keeps a resize over idle time', async () => {
    names++;
    const unchanged = on(0, { leaseMs: 100 });
    const key = `{semaphore:shared-${names}}:m`;
    names++;
    const old = on(0, { leaseMs: 100 });
    old.resize(50);
    await old.idle();
    await unchanged.run(() => undefined);
    await unchanged.idle();
    // Redis forgets an idle limit after three leases, unless it was resized.
    await until(async () => (await command('EXISTS', key)) === 0);
    const fresh = on(1, { leaseMs: 100 });
    await fresh.run(() => undefined);
    expect(fresh.permits).toBe(50);
    // Even if Redis has lost it, a process that has heard of it tells Redis again.
    await command('DEL', `{semaphore:shared-${names}}:m`);
    await old.run(() => undefined);
    const third = on(2, { leaseMs: 100 });
    await third.run(() => undefined);
    expect(third.permits).toBe(50);
    await Promise.all([old.idle(), fresh.idle(), third.idle()]);
  });

  it('reports what the whole fleet does', async () => {
    names++;
    const [a, b] = [on(0, { permits: 2 }), on(1, { permits: 2 })];
    const held = [await a.acquire(), await b.acquire()];
    const waiting = b.acquire();
    await until(async () => (await readState(command, `shared-${names}`)).waiters === 1);
    await until(() => a.stats().fleet?.waiting === 1);
    expect(a.stats().fleet).toEqual({ held: 2, waiting: 1, nodes: 2 });
    for (const permit of held) permit.release();
    (await waiting).release();
    await Promise.all([a.idle(), b.idle()]);
  });

  it('shows its fencing token behind limit and behind a key', async () => {
    names++;
    const semaphore = on(0, {});
    const keyed = new KeyedSemaphore((key) => on(0, {}, `key-${names}-${key}`));
    const tokens: (number | undefined)[] = [];
    const app = express();
    app.get('/', limit(semaphore), limit(keyed, { key: () => 'ann' }), (_req, res) => {
      tokens.push(permitOf(res, semaphore)?.fencingToken, permitOf(res, keyed)?.fencingToken);
      res.end();
    });
    await using host = await serve(app);
    await fetch(host.url);
    const permit = await keyed.acquire('eve');
    tokens.push(permit.fencingToken);
    permit.release();
    for (const token of tokens) expect(token).toBeGreaterThan(0);
    expect(tokens).toHaveLength(3);
    await Promise.all([semaphore.idle(), keyed.idle()]);
  });

  it('leaves nothing in Redis when a KeyedSemaphore is closed and idle', async () => {
    for (let i = 0; i < 10; i++) {
      names++;
      const keyed = new KeyedSemaphore((key) => on(0, {}, `shared-${names}`.concat(key)));
      const permit = await keyed.acquire('');
      setTimeout(() => {
        permit.release();
      }, 5);
      if (i % 2 === 0) keyed.close();
      await keyed.idle();
      expect(await readState(command, `shared-${names}`)).toEqual({ holders: 0, waiters: 0, used: 0 });
    }
  });

  it('rejects what its queue cannot honour', async () => {
    const semaphore = on(0, {});
    expect(() => on(0, { order: 'fair' } as never)).toThrow(RangeError);
    await expect(semaphore.acquire({ priority: 1 })).rejects.toThrow(
      /priority must be 0 with the order fifo/,
    );
    await expect(semaphore.acquire({ flow: 'ann' })).rejects.toThrow(/flow must be ''/);
    expect(() => semaphore.tryAcquire({ priority: 1 })).toThrow(RangeError);
  });
});
