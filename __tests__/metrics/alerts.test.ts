import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as client from 'prom-client';
import { createClient } from 'redis';
import { registerMetrics } from 'express-semaphore/prometheus';
import { RedisSemaphore } from 'express-semaphore/redis';
import { KEY_INSTRUMENTS, STATS_INSTRUMENTS } from '../../lib/metrics/instruments';
import { withPrometheus, withRedis } from '../helpers/needs';
import { RedisServer } from '../helpers/redis-server';
import { serve, until } from '../helpers/serve';

const GUIDE = join(__dirname, '../../docs/guide');

it('alerts.yml queries only metrics that are exported', async () => {
  const rules = await readFile(join(GUIDE, 'alerts.yml'), 'utf8');
  const names = [...STATS_INSTRUMENTS, ...KEY_INSTRUMENTS].map(({ name, kind }) => {
    const base = name.replaceAll('.', '_');
    return kind === 'counter' ? `${base}_total` : base;
  });
  names.push('express_semaphore_wait_duration_seconds_bucket');
  const queried = rules.match(/express_semaphore_\w+/g) ?? [];
  expect(queried.length).toBeGreaterThan(5);
  expect(queried.filter((name) => !names.includes(name))).toEqual([]);
});

// The Debian package prometheus has promtool, too.
withPrometheus.it('promtool accepts alerts.yml and its tests', async () => {
  const { stdout } = await promisify(execFile)('promtool', ['test', 'rules', 'alerts.test.yml'], {
    cwd: __dirname,
  });
  expect(stdout).toContain('SUCCESS');
});

const { it: itWithBoth } = withPrometheus.it === it ? withRedis : withPrometheus;

itWithBoth(
  'the board shows 10 of 10 for three processes that share a limit of 10',
  async () => {
    await using processes = await startThree();
    await using prometheus = await startPrometheus(processes.ports);
    const { panels } = JSON.parse(await readFile(join(GUIDE, 'grafana-dashboard.json'), 'utf8')) as {
      panels: { title: string; targets: { expr: string }[] }[];
    };
    const [usage, limit] = panels.find(({ title }) => title.startsWith('Permits held'))?.targets ?? [];
    for (const target of [usage, limit]) {
      const query = (target?.expr ?? '').replaceAll('$limiter', '.*');
      expect([query, await prometheus.query(query)]).toEqual([query, 10]);
    }
  },
  120_000,
);

/** Three clients of one Redis, as of three processes, hold 4, 3 and 3 of its 10 permits. Each has a registry of its own. */
async function startThree() {
  const redis = await RedisServer.start();
  const nodes: Awaited<ReturnType<typeof startNode>>[] = [];
  for (const weight of [4, 3, 3]) nodes.push(await startNode(redis.url, weight));
  return {
    ports: nodes.map(({ server }) => server.port),
    [Symbol.asyncDispose]: async () => {
      for (const { connection, orders, permit, remove, server } of nodes) {
        remove();
        permit.release();
        orders.close();
        await orders.idle();
        connection.destroy();
        await server[Symbol.asyncDispose]();
      }
      await redis[Symbol.asyncDispose]();
    },
  };
}

async function startNode(url: string, weight: number) {
  const connection = await createClient({ url })
    .on('error', () => undefined)
    .connect();
  const orders = new RedisSemaphore(connection, { name: 'orders', permits: 10, leaseMs: 120_000 });
  const permit = await orders.acquire({ weight });
  const registry = new client.Registry();
  const remove = registerMetrics(client, [orders], { registry });
  const server = await serve((_req, res) => {
    void registry.metrics().then((text) => res.setHeader('Content-Type', registry.contentType).end(text));
  });
  return { connection, orders, permit, remove, server };
}

/** Starts a Prometheus that scrapes these ports. */
async function startPrometheus(ports: readonly number[]) {
  const folder = await mkdtemp(join(tmpdir(), 'express-semaphore-prometheus-'));
  const targets = ports.map((port) => `'127.0.0.1:${port}'`).join(', ');
  await writeFile(
    join(folder, 'prometheus.yml'),
    `scrape_configs:\n  - job_name: app\n    scrape_interval: 1s\n    static_configs:\n      - targets: [${targets}]\n`,
  );
  const address = `127.0.0.1:${await freePort()}`;
  const child = spawn(
    'prometheus',
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=${address}`,
    ],
    { stdio: 'ignore' },
  );
  const ended = new Promise((resolve) => child.once('exit', resolve));
  return {
    /** The value of a query with one result, once all ports have been scraped. */
    async query(query: string): Promise<number> {
      await until(async () => (await ask('sum(up)')) === ports.length);
      return (await ask(query)) ?? NaN;
    },
    async [Symbol.asyncDispose]() {
      child.kill();
      await ended;
      await rm(folder, { recursive: true });
    },
  };

  async function ask(query: string): Promise<number | undefined> {
    const url = `http://${address}/api/v1/query?${new URLSearchParams({ query }).toString()}`;
    const response = await fetch(url).catch(() => undefined);
    // While it starts, it refuses connections, and then answers 503.
    if (response?.ok !== true) return undefined;
    const answer = (await response.json()) as { data?: { result: { value: [number, string] }[] } };
    const value = answer.data?.result[0]?.value[1];
    return value === undefined ? undefined : Number(value);
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
