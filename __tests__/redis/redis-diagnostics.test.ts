import { KeyedSemaphore, observe } from 'express-semaphore';
import type { LimiterEvents } from 'express-semaphore';
import { RedisSemaphore } from 'express-semaphore/redis';
import { withRedis } from '../helpers/needs';
import { CLIENTS } from '../helpers/redis-clients';
import { RedisServer } from '../helpers/redis-server';
import { until } from '../helpers/serve';

withRedis.describe.each(Object.entries(CLIENTS))('Messages of a RedisSemaphore through %s', (_, connect) => {
  it('publish waits and permits like those of every limiter', async () => {
    await using server = await RedisServer.start();
    await using node = await connect(server.port);
    const told: string[] = [];
    const stops = (['queued', 'acquire', 'release', 'reject'] as const).map((event) =>
      observe(event, ({ name }) => {
        // What other tests of this process have left is heard of here, too.
        if (name === 'reports') told.push(event);
      }),
    );
    const reports = new RedisSemaphore(node.client, {
      name: 'reports',
      permits: 1,
      queueLimit: 0,
      timeoutMs: 10_000,
    });
    const permit = await reports.acquire();
    await expect(reports.acquire()).rejects.toThrow('the queue is full');
    permit.release();
    reports.close();
    await reports.idle();
    for (const stop of stops) stop();
    expect(told).toEqual(['queued', 'acquire', 'queued', 'reject', 'release']);
  });

  it('publish a lease that has ended under its holder', async () => {
    await using server = await RedisServer.start();
    await using node = await connect(server.port);
    const lost: LimiterEvents['lost'][] = [];
    const stop = observe('lost', (message) => {
      if (message.name === 'per user') lost.push(message);
    });
    const perUser = new KeyedSemaphore(
      (key) => new RedisSemaphore(node.client, { name: key, permits: 5, leaseMs: 200, timeoutMs: 10_000 }),
      { name: 'per user' },
    );
    const permit = await perUser.acquire('alice', { weight: 2 });
    server.signal('SIGSTOP');
    await until(() => lost.length > 0);
    server.signal('SIGCONT');
    permit.release();
    stop();
    expect(lost).toEqual([{ name: 'per user', key: 'alice', weight: 2 }]);
    expect(perUser.stats()).toMatchObject({
      held: 0,
      rejected: { ERR_SEMAPHORE_LEASE_LOST: 1 },
      released: { ignore: 1, success: 0 },
    });
    perUser.close();
    await perUser.idle();
  });
});
