// What a fleet of two processes does, as one of them reports it: in stats(), in the metrics and on the dashboard.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import express from 'express';
import client from 'prom-client';
import { dashboard } from 'express-semaphore/dashboard';
import { registerMetrics } from 'express-semaphore/prometheus';
import type { Frame } from '../../lib/dashboard/frame';
import { RedisSemaphore } from '../../lib/redis';
import { EventStream } from '../helpers/event-stream';
import { withRedis } from '../helpers/needs';
import { CLIENTS } from '../helpers/redis-clients';
import { RedisServer } from '../helpers/redis-server';
import { serve, until } from '../helpers/serve';
import type { WorkerTerms } from './soak/fleet';

jest.setTimeout(120_000);

withRedis.it('stats(), metrics and dashboard of one process show the whole fleet', async () => {
  await using server = await RedisServer.start();
  const options = { name: 'orders', permits: 3, timeoutMs: 10_000 };
  const terms: WorkerTerms = {
    client: 'ioredis',
    port: server.port,
    workers: 4,
    holdMs: 1e9,
    semaphore: options,
  };
  const other = fork(join(__dirname, 'soak/worker.ts'), [JSON.stringify(terms)], {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'inherit', 'inherit', 'pipe', 'ipc'],
  });
  await using own = await connect(server.port);
  const orders = new RedisSemaphore(own.client, options);
  const registry = new client.Registry();
  const unregister = registerMetrics(client, { orders }, { registry });
  try {
    // The other process holds all three permits, and one of its callers waits.
    await until(() => orders.stats().fleet?.waiting === 1, 60_000);
    const waiting = orders.acquire();
    await until(() => orders.stats().fleet?.waiting === 2, 60_000);
    expect(orders.stats()).toMatchObject({ held: 0, waiting: 1, fleet: { held: 3, waiting: 2, nodes: 2 } });

    const metrics = await registry.metrics();
    expect(metrics).toContain('express_semaphore_fleet_permit_usage{limiter="orders",scope="fleet"} 3');
    expect(metrics).toContain('express_semaphore_fleet_waiters{limiter="orders",scope="fleet"} 2');
    expect(metrics).toContain('express_semaphore_fleet_nodes{limiter="orders",scope="fleet"} 2');
    expect(metrics).toContain('express_semaphore_waiters{limiter="orders"} 1');

    await using host = await serve(
      express().use('/limits', dashboard({ orders }, { authorize: () => true })),
    );
    const stream = await EventStream.open<Frame>(`${host.url}/limits/events`);
    const [limiter] = (await stream.find(({ limiters }) => limiters[0]?.fleet?.nodes === 2)).limiters;
    expect(limiter).toMatchObject({ held: 0, waiting: 1, fleet: { held: 3, waiting: 2, nodes: 2 } });
    stream.response.destroy();

    orders.close();
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_SEMAPHORE_CLOSED' });
    await orders.idle();
  } finally {
    unregister();
    other.kill('SIGKILL');
    await once(other, 'exit');
  }
});

function connect(port: number) {
  const make = CLIENTS['ioredis'];
  if (make === undefined) throw new Error('there is no such client');
  return make(port);
}
