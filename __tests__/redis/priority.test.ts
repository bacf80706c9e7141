import { Semaphore } from 'express-semaphore';
import type { Limiter, Permit } from 'express-semaphore';
import { RedisSemaphore } from '../../lib/redis';
import { withRedis } from '../helpers/needs';
import { seeded } from '../helpers/random';
import { CLIENTS, counted } from '../helpers/redis-clients';
import { RedisNodes } from '../helpers/redis-nodes';
import { RedisServer } from '../helpers/redis-server';
import { until } from '../helpers/serve';
import { turn, watch } from '../helpers/watch';

withRedis.describe('The order priority in Redis', () => {
  const redis = RedisNodes.use('priority');

  async function waiters(count: number): Promise<void> {
    await until(async () => (await redis.state()).waiters === count);
  }

  it('serves the highest priority of all processes first, and equal ones in order of arrival', async () => {
    const nodes = redis.pair({ permits: 1, order: 'priority' });
    const held = await nodes[0].acquire();
    const order: string[] = [];
    const runs: Promise<void>[] = [];
    for (const [i, priority] of [0, 5, -100, 5, 100, 0].entries()) {
      const node = nodes[i % 2 === 0 ? 0 : 1];
      runs.push(
        node.run(
          () => {
            order.push(`${priority} (${i})`);
          },
          { priority },
        ),
      );
      await waiters(i + 1);
    }
    held.release();
    await Promise.all(runs);
    expect(order).toEqual(['100 (4)', '5 (1)', '5 (3)', '0 (0)', '0 (5)', '-100 (2)']);
    await Promise.all(nodes.map((node) => node.idle()));
  });

  it('grants a newcomer at once if it fits and precedes the head, which still gathers permits', async () => {
    const { client, settle } = counted(redis.clients[0].client);
    const semaphore = redis.make(client, { permits: 3, order: 'priority' });
    await semaphore.ready();
    const held = await semaphore.acquire({ weight: 2 });
    const heavy = watch(semaphore.acquire({ weight: 3 }));
    await settle();
    const [equal, higher] = [watch(semaphore.acquire()), watch(semaphore.acquire({ priority: 1 }))];
    await settle();
    expect([heavy.state, equal.state, higher.state]).toEqual(['pending', 'pending', 'fulfilled']);
    higher.value.release();
    held.release();
    await until(() => heavy.state === 'fulfilled');
    heavy.value.release();
    await until(() => equal.state === 'fulfilled');
    equal.value.release();
    await semaphore.idle();
  });

  it('rejects a newcomer to a full queue, whatever its priority', async () => {
    const semaphore = redis.make(0, { permits: 1, queueLimit: 1, order: 'priority' });
    const held = await semaphore.acquire();
    const waiting = semaphore.acquire({ priority: -1 });
    await waiters(1);
    await expect(semaphore.acquire({ priority: 100 })).rejects.toMatchObject({
      code: 'ERR_SEMAPHORE_QUEUE_FULL',
    });
    held.release();
    (await waiting).release();
    await semaphore.idle();
  });

  it('serves the highest priority first while Redis is down', async () => {
    await using own = await RedisServer.start();
    const connect = CLIENTS['ioredis'];
    if (connect === undefined) throw new Error('there is no such client');
    await using connected = await connect(own.port);
    const options = { name: 'down', permits: 1, timeoutMs: 300, order: 'priority' } as const;
    const semaphore = new RedisSemaphore(connected.client, options);
    await semaphore.ready();
    own.signal('SIGSTOP');
    const order: number[] = [];
    const runs = [0, 3, 7].map((priority) => semaphore.run(() => void order.push(priority), { priority }));
    await Promise.all(runs);
    expect(order).toEqual([7, 3, 0]);
    own.signal('SIGCONT');
    await semaphore.idle();
  });

  it('grants what a Semaphore in this order grants, step by step', async () => {
    const random = seeded();
    const counters = redis.clients.map(({ client }) => counted(client));
    const nodes = counters.map(({ client }) => redis.make(client, { permits: 3, order: 'priority' }));
    await Promise.all(nodes.map((node) => node.ready()));
    const model = new Semaphore(3, { order: 'priority' });
    const calls: Call[] = [];
    for (let step = 0; step < 250; step++) {
      const choice = random.integer(0, 2);
      const open = calls.filter(({ isOver }) => !isOver);
      const call = open[random.integer(0, Math.max(0, open.length - 1))];
      if (choice === 0 || call === undefined) {
        const node = nodes[random.integer(0, 1)];
        if (node === undefined) throw new Error('there are two nodes');
        const options = { weight: random.integer(1, 3), priority: random.integer(-2, 2) };
        calls.push(new Call(model, node, options));
      } else if (call.isGranted) call.release();
      else call.abort();
      await turn();
      const granted = calls.map(({ model: { state } }) => state);
      await until(() => calls.every(({ real }, i) => real.state === granted[i]));
      // A grant above those of the model needs no more than the answers to arrive.
      for (const { settle } of counters) await settle();
      expect(calls.map(({ real }) => real.state)).toEqual(granted);
    }
    for (const call of calls) if (!call.isGranted && !call.isOver) call.abort();
    for (const call of calls) if (call.isGranted && !call.isOver) call.release();
    await Promise.all(nodes.map((node) => node.idle()));
  });
});

/** One call of both limiters. */
class Call {
  readonly model;
  readonly real;
  isOver = false;
  readonly #controller = new AbortController();

  constructor(model: Limiter, real: Limiter, options: { weight: number; priority: number }) {
    const { signal } = this.#controller;
    this.model = watch(model.acquire({ ...options, signal }));
    this.real = watch(real.acquire({ ...options, signal }));
  }

  get isGranted(): boolean {
    return this.model.state === 'fulfilled';
  }

  release(): void {
    this.isOver = true;
    for (const { value } of [this.model, this.real] as { value: Permit }[]) value.release();
  }

  abort(): void {
    this.isOver = true;
    this.#controller.abort(new Error('the caller has gone'));
  }
}
