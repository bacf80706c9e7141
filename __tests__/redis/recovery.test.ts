import { RedisSemaphore } from '../../lib/redis';
import type { LeasedPermit, RedisSemaphoreOptions } from '../../lib/redis';
import { withRedis } from '../helpers/needs';
import { CLIENTS } from '../helpers/redis-clients';
import type { TestClient } from '../helpers/redis-clients';
import { RedisServer } from '../helpers/redis-server';
import { readState } from '../helpers/redis-state';
import { until } from '../helpers/serve';
import { watch } from '../helpers/watch';

withRedis.describe.each(Object.entries(CLIENTS))('After an outage, through %s,', (_, connect) => {
  let server: RedisServer;
  let clients: TestClient[];

  beforeEach(async () => {
    server = await RedisServer.start();
    clients = await Promise.all([1, 2, 3, 4].map(() => connect(server.port)));
  }, 120_000);

  afterEach(async () => {
    server.signal('SIGCONT');
    for (const client of clients) await client[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  function make(node: number, options: Omit<RedisSemaphoreOptions, 'name'>): RedisSemaphore {
    const client = clients[node]?.client;
    if (client === undefined) throw new Error('there are four clients');
    return new RedisSemaphore(client, { name: 'recovering', ...options });
  }

  it('each process enters what it granted by itself before any is granted anything new', async () => {
    const options = { permits: 10, expectedNodes: 3, leaseMs: 20_000 };
    const down = [0, 1, 2].map((node) => make(node, { ...options, timeoutMs: 400 }));
    // This process meets no outage, so it grants nothing by itself.
    const fresh = make(3, { ...options, timeoutMs: 10_000 });
    for (const node of down) await node.run(() => undefined);
    let held = 0;
    let peak = 0;
    const granted: LeasedPermit[] = [];
    const acquire = (node: RedisSemaphore): void => {
      node.acquire().then(
        (permit) => {
          peak = Math.max(peak, ++held);
          granted.push(permit);
        },
        () => undefined,
      );
    };
    server.signal('SIGSTOP');
    for (const node of down) for (let i = 0; i < 8; i++) acquire(node);
    await until(() => down.every((node) => node.held === 4));
    server.signal('SIGCONT');
    for (let i = 0; i < 10; i++) acquire(fresh);
    await until(() => down.every((node) => node.stats().backend === 'up'));
    await until(async () => (await state()).used === 12);
    // Long enough for the pause to end.
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect([peak, fresh.held]).toEqual([12, 0]);
    while (granted.length > 0 || down.some((node) => node.waiting > 0) || fresh.waiting > 0) {
      granted.pop()?.release();
      if (granted.length > 0) held--;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await Promise.all([...down, fresh].map((node) => node.idle()));
    expect(await state()).toEqual({ holders: 0, waiters: 0, used: 0 });
  });

  it('no permit is lost that was granted just before it', async () => {
    const options = { permits: 1, leaseMs: 20_000, timeoutMs: 800, onUnavailable: 'closed' } as const;
    const [a, b] = [make(0, options), make(1, options)];
    await Promise.all([a.ready(), b.ready()]);
    const held = await a.acquire();
    const next = watch(b.acquire());
    await until(async () => (await state()).waiters === 1);
    held.release();
    await until(() => next.state === 'fulfilled');
    server.signal('SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    server.signal('SIGCONT');
    await until(() => b.stats().backend === 'up');
    await b.ready();
    expect(next.value.signal.aborted).toBe(false);
    expect((await state()).used).toBe(1);
    next.value.release();
    await Promise.all([a.idle(), b.idle()]);
  });

  it('many limits renew their leases in turn, each once, and lose none', async () => {
    const COUNT = 1_500;
    const client = clients[0]?.client;
    if (client === undefined) throw new Error('there are four clients');
    const limits = Array.from(
      { length: COUNT },
      (__, i) => new RedisSemaphore(client, { name: `limit-${i}`, permits: 1, leaseMs: 18_000 }),
    );
    const held = await Promise.all(limits.map((limit) => limit.acquire()));
    // By the end of the outage each lease is due for a renewal.
    server.signal('SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 6_500));
    const before = held.filter(({ signal }) => signal.aborted).length;
    server.signal('SIGCONT');
    await until(() => limits[0]?.stats().backend === 'up');
    const from = await scripts();
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    const renewals = (await scripts()) - from;
    expect([before, held.filter(({ signal }) => signal.aborted).length]).toEqual([0, 0]);
    expect(renewals).toBeLessThanOrEqual(1.5 * COUNT);
    for (const permit of held) permit.release();
    await Promise.all(limits.map((limit) => limit.idle()));
  });

  async function scripts(): Promise<number> {
    const info = String(await clients[1]?.command('INFO', 'commandstats'));
    return Number(/cmdstat_evalsha:calls=(\d+)/.exec(info)?.[1] ?? 0);
  }

  function state() {
    return readState(
      (...args) => clients[3]?.command(...args) ?? Promise.reject(new Error('no client')),
      'recovering',
    );
  }
});

withRedis.describe('A permit that was granted by message', () => {
  it('keeps its lease while the event loop of its process is blocked', async () => {
    await using server = await RedisServer.start();
    for (const connect of Object.values(CLIENTS)) {
      await using giving = await connect(server.port);
      await using taking = await connect(server.port);
      const options = { name: 'blocked', permits: 1, leaseMs: 20_000, timeoutMs: 10_000 };
      const giver = new RedisSemaphore(giving.client, options);
      const taker = new RedisSemaphore(taking.client, options);
      await Promise.all([giver.ready(), taker.ready()]);
      const held = await giver.acquire();
      const next = taker.acquire().then((permit) => {
        const end = performance.now() + 2_500;
        while (performance.now() < end);
        return permit;
      });
      await until(
        async () => (await readState((...args) => giving.command(...args), 'blocked')).waiters === 1,
      );
      const other = watch(giver.acquire());
      held.release();
      const permit = await next;
      expect([permit.signal.aborted, other.state]).toEqual([false, 'pending']);
      permit.release();
      await until(() => other.state === 'fulfilled');
      other.value.release();
      await Promise.all([giver.idle(), taker.idle()]);
    }
  });
});
