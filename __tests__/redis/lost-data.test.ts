import { KeyedSemaphore } from '../../lib';
import type { RedisSemaphore } from '../../lib/redis';
import type { LeasedPermit } from '../../lib/redis';
import { withRedis } from '../helpers/needs';
import { seeded } from '../helpers/random';
import { RedisNodes } from '../helpers/redis-nodes';
import { firstLeaseEnd } from '../helpers/redis-state';
import { until } from '../helpers/serve';
import { collectWarnings } from '../helpers/warnings';
import { watch } from '../helpers/watch';

/** Moves all times of a limit, which is what a step of the server's clock in the other direction does. */
const MOVE = `
  local state = { cmsgpack.unpack(redis.call('GET', KEYS[2])) }
  for _, index in ipairs({ 9, 10, 11, 12, 14, 15 }) do state[index] = state[index] + ARGV[1] end
  redis.call('SET', KEYS[2], cmsgpack.pack(unpack(state)))
  local members = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
  for i = 1, #members, 2 do redis.call('ZADD', KEYS[1], members[i + 1] + ARGV[1], members[i]) end
  return 'OK'`;

withRedis.describe('A limit of which Redis loses data', () => {
  const nodes = RedisNodes.use('lost');

  it.each([['h'], ['q'], ['m']])(
    'stays within the limit and goes on when its key :%s is evicted',
    async (part) => {
      const [a, b] = nodes.pair({ permits: 3, leaseMs: 10_000 });
      let running = 0;
      let peak = 0;
      let done = 0;
      let isOver = false;
      const work = async (node: RedisSemaphore): Promise<void> => {
        while (!isOver) {
          await node.run(async () => {
            peak = Math.max(peak, ++running);
            await new Promise((resolve) => setTimeout(resolve, 5));
            running--;
            done++;
          });
        }
      };
      const workers = [a, b, a, b, a, b, a, b].map((node) => work(node));
      await until(() => done > 50);
      for (let i = 0; i < 3; i++) {
        await nodes.command('DEL', nodes.key(part));
        const before = done;
        await until(() => done > before + 50);
      }
      isOver = true;
      await Promise.all(workers);
      expect(peak).toBe(3);
      await Promise.all([a.idle(), b.idle()]);
      expect(await nodes.state()).toEqual({ holders: 0, waiters: 0, used: 0 });
    },
  );

  it('counts the holders again when their key is evicted while no call is made', async () => {
    const [a, b] = nodes.pair({ permits: 2, leaseMs: 12_000 });
    const held = await Promise.all([a.acquire(), b.acquire()]);
    await nodes.command('DEL', nodes.key('h'));
    // The next renewals find the loss and enter the leases again.
    await until(async () => (await nodes.state()).holders === 2);
    expect(held.map(({ signal }) => signal.aborted)).toEqual([false, false]);
    await expect(a.acquire({ maxWaitMs: 0 })).rejects.toMatchObject({ code: 'ERR_SEMAPHORE_WAIT_TIMEOUT' });
    for (const permit of held) permit.release();
    await Promise.all([a.idle(), b.idle()]);
  });

  it('counts right again when the key of the holders is evicted while permits are free', async () => {
    const [a, b] = nodes.pair({ permits: 10, leaseMs: 12_000 });
    const held = await Promise.all([a.acquire(), a.acquire(), b.acquire()]);
    await nodes.command('DEL', nodes.key('h'));
    // One script releases a permit that Redis has lost, and requests another.
    held[0].release();
    held[0] = await a.acquire();
    const { holders, used } = await nodes.state();
    expect(used).toBe(holders);
    await until(async () => (await nodes.state()).holders === 3);
    expect(await nodes.state()).toEqual({ holders: 3, waiters: 0, used: 3 });
    expect(held.map(({ signal }) => signal.aborted)).toEqual([false, false, false]);
    for (const permit of held) permit.release();
    await Promise.all([a.idle(), b.idle()]);
    expect(await nodes.state()).toEqual({ holders: 0, waiters: 0, used: 0 });
  });

  it('keeps each key for at least two leases after each use, and for no more than three', async () => {
    const random = seeded();
    const leaseMs = 20_000;
    const [a, b] = nodes.pair({ permits: 3, leaseMs });
    const callers: ReturnType<typeof watch<LeasedPermit>>[] = [];
    for (let step = 0; step < 300; step++) {
      const isRelease = random.integer(0, 1) === 0;
      for (let i = random.integer(1, 3); i > 0; i--) {
        const granted = callers.findIndex(({ state }) => state === 'fulfilled');
        if (isRelease && granted >= 0) callers.splice(granted, 1)[0]?.value.release();
        else if (callers.length < 6) callers.push(watch((i % 2 === 0 ? a : b).acquire()));
      }
      // Redis has answered what was sent before.
      await Promise.all([a.acquire({ maxWaitMs: 0 }), b.acquire({ maxWaitMs: 0 })].map(releaseOrIgnore));
      for (const part of ['h', 'q', 'm']) {
        const ms = Number(await nodes.command('PTTL', nodes.key(part)));
        // -2: the key does not exist.
        if (ms !== -2) expect([part, ms > 2 * leaseMs && ms <= 3 * leaseMs, ms]).toEqual([part, true, ms]);
      }
    }
    while (callers.length > 0) {
      await until(() => callers.some(({ state }) => state === 'fulfilled'));
      callers
        .splice(
          callers.findIndex(({ state }) => state === 'fulfilled'),
          1,
        )[0]
        ?.value.release();
    }
    await Promise.all([a.idle(), b.idle()]);
  });

  it.each([[60_000], [-60_000]])(
    'has its capacity back after a step of the server clock by %d ms',
    async (step) => {
      const leaseMs = 6_000;
      const [a, b] = nodes.pair({ permits: 1, leaseMs });
      // A dead holder: nobody renews its lease.
      await nodes.command('ZADD', nodes.key('h'), String(Date.now() + leaseMs), 'dead.1.1');
      await nodes.command('DEL', nodes.key('m'));
      const waiting = watch(a.acquire());
      await until(async () => (await nodes.state()).waiters === 1);
      await nodes.command('EVAL', MOVE, '2', nodes.key('h'), nodes.key('m'), String(-step));
      await until(() => waiting.state === 'fulfilled');
      waiting.value.release();
      await b.run(() => undefined);
      await Promise.all([a.idle(), b.idle()]);
    },
  );

  it('keeps the lease of a live holder when the server clock goes back', async () => {
    const [a, b] = nodes.pair({ permits: 1, leaseMs: 12_000 });
    const held = await a.acquire();
    const command = (...args: string[]): Promise<unknown> => nodes.command(...args);
    const firstEnd = await firstLeaseEnd(command, nodes.name);
    await nodes.command('EVAL', MOVE, '2', nodes.key('h'), nodes.key('m'), '60000');
    const next = watch(b.acquire());
    await until(() => Date.now() > firstEnd);
    expect(await firstLeaseEnd(command, nodes.name)).toBeGreaterThan(firstEnd);
    expect([held.signal.aborted, next.state]).toEqual([false, 'pending']);
    held.release();
    await until(() => next.state === 'fulfilled');
    next.value.release();
    await Promise.all([a.idle(), b.idle()]);
  });

  it('rejects in the pause with status 503, also behind a key', async () => {
    const [a] = nodes.pair({ permits: 2, leaseMs: 60_000 });
    const perUser = new KeyedSemaphore(() => a);
    const held = await perUser.acquire('eve');
    await nodes.command('FLUSHALL');
    const rejection = { code: 'ERR_SEMAPHORE_WAIT_TIMEOUT', scope: 'backend', status: 503 };
    await expect(perUser.acquire('eve', { maxWaitMs: 0 })).rejects.toMatchObject(rejection);
    held.release();
    await perUser.idle();
  });

  it('is warned of at the start where the server may evict keys', async () => {
    const warnings = collectWarnings();
    await nodes.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
    const [a] = nodes.pair({ permits: 1 });
    await a.ready();
    await a.ready();
    await nodes.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    const [warning, ...others] = warnings.filter(({ code }) => code === 'WARN_SEMAPHORE_EVICTION');
    expect(warning?.message).toContain('allkeys-lru');
    expect(others).toEqual([]);
  });
});

function releaseOrIgnore(acquiring: Promise<LeasedPermit>): Promise<void> {
  return acquiring.then(
    (permit) => {
      permit.release();
    },
    () => undefined,
  );
}
