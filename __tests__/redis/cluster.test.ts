import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Cluster } from 'ioredis';
import { createCluster } from 'redis';
import { RedisSemaphore } from '../../lib/redis';
import type { RedisClient } from '../../lib/redis';
import { RedisServer } from '../helpers/redis-server';

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
          ({ client }) => new RedisSemaphore(client, { name: `limit ${i}`, permits: 1 }),
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

  it('keeps what is held, and serves those in line, when a primary hands over to its replica', async () => {
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

async function cli(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('redis-cli', args);
  return stdout;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
