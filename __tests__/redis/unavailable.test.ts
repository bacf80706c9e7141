import { BackendError, RedisSemaphore } from '../../lib/redis';
import type { RedisSemaphoreOptions } from '../../lib/redis';
import { withRedis } from '../helpers/needs';
import { endPause, readState } from '../helpers/redis-state';
import type { LimitState } from '../helpers/redis-state';
import { CLIENTS } from '../helpers/redis-clients';
import type { TestClient } from '../helpers/redis-clients';
import { RedisServer } from '../helpers/redis-server';
import { until } from '../helpers/serve';
import { TcpProxy } from '../helpers/tcp-proxy';
import { states, watch } from '../helpers/watch';

/** Short, so that an outage can outlast them. No test needs such a lease to survive. */
const TERMS = { leaseMs: 1_500, timeoutMs: 500 };
/**
 * Length of a lease that outlasts its test, in milliseconds. A busy machine makes outages longer. So does GLIDE, which
 * waits up to 4 seconds between two attempts to connect.
 */
const LONG = 60_000;

withRedis.describe.each(Object.entries(CLIENTS))('Without Redis, through %s,', (_, connect) => {
  let server: RedisServer;
  let proxy: TcpProxy;
  let connected: TestClient;
  let direct: TestClient;
  let names = 0;

  beforeEach(async () => {
    server = await RedisServer.start();
    proxy = await TcpProxy.to(server.port);
    [connected, direct] = await Promise.all([connect(proxy.port), connect(server.port)]);
  });

  afterEach(async () => {
    for (const resource of [connected, direct, proxy, server]) await resource[Symbol.asyncDispose]();
  });

  function make(options: Partial<RedisSemaphoreOptions> & { permits: number }): RedisSemaphore {
    return new RedisSemaphore(connected.client, { name: `n${++names}`, ...TERMS, ...options });
  }

  async function isUp(semaphore: RedisSemaphore, is: 'up' | 'down'): Promise<void> {
    await until(() => semaphore.stats().backend === is);
  }

  /** What Redis keeps of the limit that was made last. */
  function state(): Promise<LimitState> {
    return readState((...args) => direct.command(...args), `n${names}`);
  }

  /** Resolves when Redis counts `used` permits of the limit that was made last. */
  async function isUsed(used: number, semaphore: RedisSemaphore): Promise<void> {
    await until(async () => {
      await semaphore.ready();
      return (await state()).used === used;
    });
  }

  it('local shares the permits out evenly, and says so', async () => {
    const semaphore = make({ permits: 5, expectedNodes: 2, leaseMs: LONG });
    await until(() => semaphore.stats().fleet !== undefined);
    proxy.block('up', 'down');
    const callers = Array.from({ length: 5 }, () => watch(semaphore.acquire()));
    await isUp(semaphore, 'down');
    expect(semaphore.stats().fleet).toBeUndefined();
    await until(() => callers.filter(({ state }) => state === 'fulfilled').length === 3);
    expect(states(callers)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'pending', 'pending']);
    expect(callers[0]?.value.fencingToken).toBe(0);
    expect(semaphore.tryAcquire()).toBeUndefined();
    for (const { value } of callers.slice(0, 2)) value.release();
    await until(() => callers.every(({ state }) => state === 'fulfilled'));
    for (const { value } of callers) value.release();
    semaphore.tryAcquire({ weight: 5 })?.release();
    expect(semaphore.stats()).toMatchObject({ held: 0, waiting: 0, acquired: 6 });
    proxy.cut();
    proxy.unblock();
    await semaphore.idle();
  });

  it('open lets everybody run, and closed nobody', async () => {
    const [open, closed] = [
      make({ permits: 1, onUnavailable: 'open' }),
      make({ permits: 1, onUnavailable: 'closed' }),
    ];
    await open.ready();
    proxy.cut(true);
    const running = await Promise.all([open.acquire(), open.acquire(), open.acquire()]);
    await expect(closed.acquire()).rejects.toBeInstanceOf(BackendError);
    expect(closed.stats().rejected.ERR_SEMAPHORE_BACKEND).toBe(1);
    expect(closed.tryAcquire()).toBeUndefined();
    expect(open.tryAcquire()).toBeDefined();
    for (const permit of running) permit.release();
  });

  it('enters its own leases in Redis when Redis is back', async () => {
    const semaphore = make({ permits: 2, leaseMs: LONG });
    await semaphore.ready();
    proxy.block('up', 'down');
    const [first, second, third] = [1, 2, 3].map(() => watch(semaphore.acquire()));
    await until(() => second?.state === 'fulfilled');
    proxy.cut();
    proxy.unblock();
    await isUp(semaphore, 'up');
    const other = new RedisSemaphore(direct.client, {
      name: `n${names}`,
      permits: 2,
      leaseMs: LONG,
      timeoutMs: 10_000,
    });
    await until(() => third?.state === 'pending' && semaphore.waiting === 1);
    await isUsed(2, semaphore);
    await expect(other.acquire({ maxWaitMs: 0 })).rejects.toMatchObject({
      code: 'ERR_SEMAPHORE_WAIT_TIMEOUT',
    });
    first?.value.release();
    await until(() => third?.state === 'fulfilled');
    expect(third?.value.fencingToken).toBeGreaterThan(0);
    second?.value.release();
    third?.value.release();
    await semaphore.idle();
    expect(await state()).toEqual({ holders: 0, waiters: 0, used: 0 });
  });

  it('answers callers by its own deadline while Redis is paused, and keeps leases that last longer', async () => {
    const semaphore = make({ permits: 2, leaseMs: LONG });
    const held = await semaphore.acquire();
    server.signal('SIGSTOP');
    const others = [watch(semaphore.acquire()), watch(semaphore.acquire())];
    await isUp(semaphore, 'down');
    await until(() => others[0]?.state === 'fulfilled');
    server.signal('SIGCONT');
    await isUp(semaphore, 'up');
    await semaphore.ready();
    expect(held.signal.aborted).toBe(false);
    await isUsed(2, semaphore);
    held.release();
    await until(() => others[1]?.state === 'fulfilled');
    for (const { value } of others) value.release();
    await semaphore.idle();
    expect(await state()).toEqual({ holders: 0, waiters: 0, used: 0 });
  });

  it('aborts the signal before the server can give a lease to another', async () => {
    const semaphore = make({ permits: 1, onUnavailable: 'closed' });
    const held = await semaphore.acquire();
    const lost = new Promise<number>((resolve) => {
      held.signal.addEventListener('abort', () => {
        resolve(performance.now());
      });
    });
    const other = new RedisSemaphore(direct.client, { name: `n${names}`, permits: 1, ...TERMS });
    proxy.block('up', 'down');
    const taken = other.acquire().then((permit) => ({ permit, at: performance.now() }));
    const [lostAt, { permit, at }] = await Promise.all([lost, taken]);
    expect(lostAt).toBeLessThanOrEqual(at);
    expect(held.signal.reason).toMatchObject({ code: 'ERR_SEMAPHORE_LEASE_LOST' });
    proxy.unblock();
    held.release();
    await isUp(semaphore, 'up');
    await semaphore.idle();
    expect(await state()).toEqual({ holders: 1, waiters: 0, used: 1 });
    permit.release();
    await other.idle();
  });

  it('aborts the signal of a holder that was paused for longer than its lease, and frees no other permit', async () => {
    const semaphore = make({ permits: 1, leaseMs: 200, timeoutMs: 4_000 });
    const held = await semaphore.acquire();
    const wake = performance.now() + 250;
    while (performance.now() < wake);
    expect(held.signal.aborted).toBe(true);
    const other = new RedisSemaphore(direct.client, {
      name: `n${names}`,
      permits: 1,
      leaseMs: LONG,
      timeoutMs: 10_000,
    });
    const permit = await other.acquire();
    held.release();
    await semaphore.idle();
    expect(await state()).toEqual({ holders: 1, waiters: 0, used: 1 });
    permit.release();
    await other.idle();
  });

  it('counts the held permits again after Redis was killed and restarted empty', async () => {
    const semaphore = make({ permits: 2, leaseMs: LONG });
    const held = await semaphore.acquire();
    const waiters = [watch(semaphore.acquire()), watch(semaphore.acquire())];
    await until(() => waiters[0]?.state === 'fulfilled');
    await server.kill();
    await isUp(semaphore, 'down');
    await server.restart();
    await isUp(semaphore, 'up');
    await isUsed(2, semaphore);
    expect(held.signal.aborted).toBe(false);
    await endPause((...args) => direct.command(...args), `n${names}`);
    held.release();
    await until(() => waiters[1]?.state === 'fulfilled');
    for (const { value } of waiters) value.release();
    await semaphore.idle();
    expect(await state()).toEqual({ holders: 0, waiters: 0, used: 0 });
  });

  it('grants nothing new for a while to anybody once one node has proved that data was lost', async () => {
    const semaphore = make({ permits: 1, leaseMs: LONG, timeoutMs: 10_000 });
    const held = await semaphore.acquire();
    await direct.command('FLUSHALL');
    const prover = watch(semaphore.acquire());
    const other = new RedisSemaphore(direct.client, {
      name: `n${names}`,
      permits: 1,
      leaseMs: LONG,
      timeoutMs: 10_000,
    });
    await semaphore.ready();
    const newcomer = watch(other.acquire());
    await until(() => other.waiting === 1);
    await isUsed(1, other);
    expect([prover.state, newcomer.state, held.signal.aborted]).toEqual(['pending', 'pending', false]);
    await endPause((...args) => direct.command(...args), `n${names}`);
    held.release();
    await until(() => prover.state === 'fulfilled');
    prover.value.release();
    await until(() => newcomer.state === 'fulfilled');
    newcomer.value.release();
    await Promise.all([semaphore.idle(), other.idle()]);
    expect(await state()).toEqual({ holders: 0, waiters: 0, used: 0 });
  });

  it('is idle only when Redis knows that all has been given back', async () => {
    const semaphore = make({ permits: 1, leaseMs: LONG });
    const held = await semaphore.acquire();
    proxy.block('up', 'down');
    held.release();
    await isUp(semaphore, 'down');
    const idle = watch(semaphore.idle());
    await until(async () => (await state()).used === 1);
    expect(idle.state).toBe('pending');
    proxy.cut();
    proxy.unblock();
    await until(() => idle.state === 'fulfilled');
    expect(await state()).toEqual({ holders: 0, waiters: 0, used: 0 });
  });

  it('is idle for all that when Redis stays away until every lease has run out', async () => {
    const semaphore = make({ permits: 1 });
    const held = await semaphore.acquire();
    proxy.cut(true);
    held.release();
    semaphore.close();
    await semaphore.idle();
    expect(semaphore.stats()).toMatchObject({ backend: 'down', held: 0, waiting: 0 });
    await new RedisSemaphore(direct.client, { name: `n${names}`, permits: 1, ...TERMS }).ready();
    expect(await state()).toEqual({ holders: 0, waiters: 0, used: 0 });
  });

  it('sends the first calls of a limiter that were made while Redis was down', async () => {
    const other = make({ permits: 1 });
    const semaphore = make({ permits: 1, leaseMs: LONG });
    proxy.cut(true);
    const tripping = await other.acquire();
    await isUp(semaphore, 'down');
    const [held, next] = [watch(semaphore.acquire()), watch(semaphore.acquire())];
    await until(() => held.state === 'fulfilled');
    proxy.cut(false);
    await isUp(semaphore, 'up');
    await until(async () => (await state()).waiters === 1);
    expect(await state()).toEqual({ holders: 1, waiters: 1, used: 1 });
    held.value.release();
    await until(() => next.state === 'fulfilled');
    for (const permit of [tripping, next.value]) permit.release();
    await Promise.all([other.idle(), semaphore.idle()]);
  });

  it('enters the first local leases of a limiter that were made while Redis was down', async () => {
    const other = make({ permits: 1 });
    const semaphore = make({ permits: 1, leaseMs: LONG });
    proxy.cut(true);
    const tripping = await other.acquire();
    await isUp(semaphore, 'down');
    const held = semaphore.tryAcquire();
    proxy.cut(false);
    await until(async () => (await state()).holders === 1);
    held?.release();
    tripping.release();
    await Promise.all([other.idle(), semaphore.idle()]);
    expect(await state()).toEqual({ holders: 0, waiters: 0, used: 0 });
  });

  it('removes a waiter from the queue that was served locally while Redis was down', async () => {
    const semaphore = make({ permits: 1, leaseMs: LONG });
    const other = new RedisSemaphore(direct.client, {
      name: `n${names}`,
      permits: 1,
      leaseMs: LONG,
      timeoutMs: 10_000,
    });
    const held = await other.acquire();
    const served = watch(semaphore.acquire());
    await until(async () => (await state()).waiters === 1);
    proxy.cut(true);
    semaphore.ready().catch(() => undefined);
    await until(() => served.state === 'fulfilled');
    served.value.release();
    proxy.cut(false);
    await isUp(semaphore, 'up');
    await semaphore.idle();
    expect(await state()).toEqual({ holders: 1, waiters: 0, used: 1 });
    held.release();
    await other.idle();
  });

  it.each([['up'], ['down']] as const)(
    'leaves no ghost when only what goes %s is lost',
    async (direction) => {
      const semaphore = make({ permits: 1, onUnavailable: 'closed' });
      await semaphore.ready();
      proxy.block(direction);
      await expect(semaphore.acquire()).rejects.toBeInstanceOf(BackendError);
      proxy.cut();
      proxy.unblock();
      await isUp(semaphore, 'up');
      await semaphore.idle();
      expect(await state()).toMatchObject({ holders: 0, waiters: 0 });
      await semaphore.run(() => undefined);
    },
  );

  it('serves every caller through cut connections without a rejection', async () => {
    const semaphore = make({ permits: 2, timeoutMs: 4_000, leaseMs: 4_000 });
    const jobs: Promise<void>[] = [];
    for (let i = 0; i < 40; i++) {
      jobs.push(semaphore.run(() => new Promise((resolve) => setTimeout(resolve, 2))));
      if (i % 10 === 9) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        proxy.cut();
      }
    }
    await Promise.all(jobs);
    await semaphore.idle();
    expect(await state()).toEqual({ holders: 0, waiters: 0, used: 0 });
  });

  it.each([
    ['READONLY', ['REPLICAOF', '127.0.0.1', '1'], ['REPLICAOF', 'NO', 'ONE']],
    ['OOM', ['CONFIG', 'SET', 'maxmemory', '1'], ['CONFIG', 'SET', 'maxmemory', '0']],
  ])('applies the policy on %s, and goes back', async (__, spoil, mend) => {
    const semaphore = make({ permits: 1, onUnavailable: 'closed' });
    await semaphore.ready();
    await direct.command(...spoil);
    await expect(semaphore.acquire()).rejects.toBeInstanceOf(BackendError);
    await expect(semaphore.ready()).rejects.toBeInstanceOf(BackendError);
    await direct.command(...mend);
    await isUp(semaphore, 'up');
    await semaphore.run(() => undefined);
    await semaphore.idle();
  });

  it('says at the start what an access list forbids', async () => {
    await direct.command('ACL', 'SETUSER', 'default', 'resetchannels');
    const deaf = make({ permits: 1 });
    await expect(deaf.ready()).rejects.toThrow(
      /^Redis cannot be used for the limit .*: .*(PUBLISH|SUBSCRIBE|no subscription)/,
    );
    await direct.command('ACL', 'SETUSER', 'default', 'allchannels', '-publish');
    const mute = await connect(server.port);
    const semaphore = new RedisSemaphore(mute.client, { name: 'mute', permits: 1 });
    await expect(semaphore.ready()).rejects.toThrow(/^Redis cannot be used for the limit .*: .*PUBLISH/);
    await semaphore.run(() => undefined);
    await semaphore.idle();
    await mute[Symbol.asyncDispose]();
  });
});
