import { GlideClusterClient, Logger } from '@valkey/valkey-glide';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Cluster } from 'ioredis';
import { createCluster } from 'redis';
import { RedisSemaphore } from '../../lib/redis';
import type { RedisClient } from '../../lib/redis';
import { withRedis } from '../helpers/needs';
import { RedisServer } from '../helpers/redis-server';

const { describe } = withRedis;

// Without this, GLIDE logs each server error to the terminal, those that a test provokes included.
Logger.setLoggerConfig('off');

/** Three primaries with a replica each. */
let servers: RedisServer[] = [];

beforeAll(async () => {
  servers = await Promise.all(
    Array.from({ length: 6 }, () =>
      RedisServer.start('--cluster-enabled', 'yes', '--cluster-node-timeout', '2000'),
    ),
  );
  const addresses = servers.map(({ port }) => `127.0.0.1:${port}`);
  await cli('--cluster', 'create', ...addresses, '--cluster-replicas', '1', '--cluster-yes');
  for (const { port } of servers) {
    while (!(await cli('-p', String(port), 'cluster', 'info')).includes('cluster_state:ok')) await pause(50);
  }
});

afterAll(async () => {
  for (const server of servers) await server[Symbol.asyncDispose]();
});

const CLUSTERS: Record<string, () => Promise<{ client: RedisClient; close: () => void }>> = {
  'valkey-glide': async () => {
    const addresses = servers.map(({ port }) => ({ host: '127.0.0.1', port }));
    const client = await GlideClusterClient.createClient({ addresses });
    return {
      client,
      close: () => {
        client.close();
      },
    };
  },
  'node-redis': async () => {
    const client = createCluster({ rootNodes: servers.map(({ url }) => ({ url })) });
    client.on('error', () => undefined);
    await client.connect();
    return {
      client,
      close: () => {
        client.destroy();
      },
    };
  },
  ioredis: () => {
    const nodes = servers.map(({ port }) => ({ host: '127.0.0.1', port }));
    const client = new Cluster(nodes, { redisOptions: { disconnectTimeout: 100 } });
    return Promise.resolve({
      client,
      close: () => {
        client.disconnect();
      },
    });
  },
};

describe.each(Object.entries(CLUSTERS))('A RedisSemaphore on a cluster, through %s,', (_, connect) => {
  it('shares limits whose keys lie on different servers', async () => {
    const [a, b] = await Promise.all([connect(), connect()]);
    await Promise.all(
      Array.from({ length: 12 }, async (__, i) => {
        const nodes = [a, b].map(
          ({ client }) => new RedisSemaphore(client, { name: `limit ${i}`, permits: 1, timeoutMs: 15_000 }),
        );
        let running = 0;
        const peaks = await Promise.all(
          [...nodes, ...nodes, ...nodes].map((node) =>
            node.run(async () => {
              const peak = ++running;
              await pause(1);
              running--;
              return peak;
            }),
          ),
        );
        expect(Math.max(...peaks)).toBe(1);
        await Promise.all(nodes.map((node) => node.idle()));
      }),
    );
    a.close();
    b.close();
  });

  it('continues under load while its slot moves to another server', async () => {
    const [a, b] = await Promise.all([connect(), connect()]);
    const terms = { name: `slot-${_}`, permits: 2, leaseMs: 20_000, timeoutMs: 15_000 };
    const nodes = [a, b].map(({ client }) => new RedisSemaphore(client, terms));
    let [running, peak, done, isMoved] = [0, 0, 0, false];
    const workers = [...nodes, ...nodes, ...nodes].map(async (node) => {
      // Some more after the move, so that it is seen that the new server serves.
      for (let after = 0; after < 10; after += isMoved ? 1 : 0) {
        await node.run(async () => {
          peak = Math.max(peak, ++running);
          await pause(1);
          running--;
          done++;
        });
      }
    });
    await pause(50);
    await moveSlot(`{semaphore:slot-${_}}:m`);
    isMoved = true;
    await Promise.all(workers);
    expect([peak, done >= 60]).toEqual([2, true]);
    await Promise.all(nodes.map((node) => node.idle()));
    a.close();
    b.close();
  });

  it('keeps held permits and serves waiters when a replica replaces its primary', async () => {
    const [a, b] = await Promise.all([connect(), connect()]);
    const terms = { name: `moves ${_}`, permits: 1, leaseMs: 20_000, timeoutMs: 15_000 };
    const [ours, theirs] = [a, b].map(({ client }) => new RedisSemaphore(client, terms)) as [
      RedisSemaphore,
      RedisSemaphore,
    ];
    const held = await ours.acquire();
    const next = theirs.acquire();
    await theirs.ready();
    for (const { port } of servers) {
      const role = await cli('-p', String(port), 'role');
      if (role.startsWith('slave')) await cli('-p', String(port), 'cluster', 'failover', 'force');
    }
    await pause(1_000);
    expect(held.signal.aborted).toBe(false);
    held.release();
    (await next).release();
    await Promise.all([ours.idle(), theirs.idle()]);
    a.close();
    b.close();
  });
});

/** A server that owns slots, and whether it owns the one in question. */
interface Primary {
  readonly id: string;
  readonly port: string;
  readonly isOwner: boolean;
}

async function primariesOf(slot: number): Promise<Primary[]> {
  const nodes = await cli('-p', String(servers[0]?.port), 'cluster', 'nodes');
  return nodes
    .split('\n')
    .filter((line) => line.includes('master') && /connected \d/.test(line))
    .map((line) => {
      const [id = '', address = '', ...rest] = line.split(' ');
      const ranges = rest.slice(6).map((range) => range.split('-').map(Number));
      const isOwner = ranges.some(([from = 0, to = from]) => from <= slot && slot <= to);
      return { id, port: /:(\d+)/.exec(address)?.[1] ?? '', isOwner };
    });
}

/** Moves the slot of `key`, with all that is in it, from one primary to another, as redis-cli would. */
async function moveSlot(key: string): Promise<void> {
  const slot = (await cli('-p', String(servers[0]?.port), 'cluster', 'keyslot', key)).trim();
  const primaries = await primariesOf(Number(slot));
  const source = primaries.find(({ isOwner }) => isOwner);
  const target = primaries.find(({ isOwner }) => !isOwner);
  if (source === undefined || target === undefined) throw new Error('no two primaries');
  await cli('-p', target.port, 'cluster', 'setslot', slot, 'importing', source.id);
  await cli('-p', source.port, 'cluster', 'setslot', slot, 'migrating', target.id);
  for (;;) {
    const keys = await cli('-p', source.port, 'cluster', 'getkeysinslot', slot, '100');
    if (keys.trim() === '') break;
    const all = keys.split('\n').filter(Boolean);
    await cli('-p', source.port, 'migrate', '127.0.0.1', target.port, '', '0', '5000', 'keys', ...all);
  }
  for (const { port } of [target, source, ...primaries]) {
    await cli('-p', port, 'cluster', 'setslot', slot, 'node', target.id);
  }
  const owner = async () => (await primariesOf(Number(slot))).find(({ isOwner }) => isOwner);
  while ((await owner())?.id !== target.id) await pause(20);
}

async function cli(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('redis-cli', args);
  return stdout;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
