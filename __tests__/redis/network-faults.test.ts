import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { RedisSemaphore } from '../../lib/redis';
import type { RedisClient } from '../../lib/redis';
import { MEDDLINGS, withDoubledScripts, withDelay, withMessages } from '../helpers/meddling';
import type { Delayed } from '../helpers/meddling';
import { withRedis } from '../helpers/needs';
import { readState } from '../helpers/redis-state';
import { CLIENTS } from '../helpers/redis-clients';
import type { TestClient } from '../helpers/redis-clients';
import { RedisServer } from '../helpers/redis-server';
import { defer, succeedsOnce, until } from '../helpers/serve';
import { TcpProxy } from '../helpers/tcp-proxy';
import { watch } from '../helpers/watch';

const name = 'faulty';
const cli = promisify(execFile);

withRedis.describe.each(Object.entries(CLIENTS))('Through %s, a limit is kept and served', (_, connect) => {
  let server: RedisServer;
  let proxy: TcpProxy;
  let clients: TestClient[];
  let direct: TestClient;

  beforeEach(async () => {
    server = await RedisServer.start();
    proxy = await TcpProxy.to(server.port);
    clients = await Promise.all([connect(proxy.port), connect(proxy.port)]);
    direct = await connect(server.port);
  });

  afterEach(async () => {
    for (const resource of [...clients, direct, proxy, server]) await resource[Symbol.asyncDispose]();
  });

  /** The same limit on two nodes, whose clients are changed by `change`. */
  function fleet(leaseMs: number, change = (client: RedisClient): RedisClient => client): RedisSemaphore[] {
    const terms = { name, permits: 2, leaseMs, timeoutMs: 10_000 };
    return clients.map(({ client }) => new RedisSemaphore(change(client), terms));
  }

  /** Has `jobs` done on each node, and resolves to the most that ran at once. */
  async function load(nodes: readonly RedisSemaphore[], jobs: number): Promise<number> {
    let running = 0;
    let peak = 0;
    const work = async (): Promise<void> => {
      peak = Math.max(peak, ++running);
      await new Promise((resolve) => setTimeout(resolve, 2));
      running--;
    };
    await Promise.all(nodes.flatMap((node) => Array.from({ length: jobs }, () => node.run(work))));
    return peak;
  }

  async function expectEmptyState(nodes: readonly RedisSemaphore[]): Promise<void> {
    await Promise.all(nodes.map((node) => node.idle()));
    await expectTrueState();
    const { holders, waiters } = await readState(command, name);
    expect({ holders, waiters }).toEqual({ holders: 0, waiters: 0 });
  }

  /** What Redis counts as used is what the holders weigh. */
  async function expectTrueState(): Promise<void> {
    const sum = `
      local state, sum = redis.call('GET', KEYS[2]), 0
      local used = state and select(3, cmsgpack.unpack(state)) or 0
      for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do sum = sum + string.match(member, '%d+$') end
      return { used, sum }`;
    const tag = `{semaphore:${name}}`;
    const [used, held] = (await command('EVAL', sum, '2', `${tag}:h`, `${tag}:m`)) as unknown[];
    expect(Number(used)).toBe(Number(held));
  }

  const command = (...args: string[]): Promise<unknown> => direct.command(...args);

  it.each(Object.entries(MEDDLINGS))('when wake-ups are %s', async (__, meddling) => {
    const nodes = fleet(20_000, (client) => withMessages(client, meddling));
    expect(await load(nodes, 12)).toBe(2);
    await expectEmptyState(nodes);
  });

  it('when a grant overtakes the answer to its question', async () => {
    const [a, b] = clients.map(({ client }) => withDelay(client)) as [
      Delayed<RedisClient>,
      Delayed<RedisClient>,
    ];
    const terms = { name, permits: 1, timeoutMs: 10_000 };
    const [giver, taker] = [new RedisSemaphore(a.client, terms), new RedisSemaphore(b.client, terms)];
    await taker.ready();
    const needsNoQuestion = async (): Promise<boolean> => {
      const held = await giver.acquire();
      const { promise, resolve } = defer();
      b.delay = promise;
      const taken = watch(taker.acquire());
      await until(async () => (await readState(command, name)).waiters === 1);
      const { scripts } = b;
      held.release();
      await giver.idle();
      // The message is on its way already, and a later command to the same server is answered after it.
      await expect(readState(command, name)).resolves.toEqual({ holders: 1, waiters: 0, used: 1 });
      await new Promise((done) => setTimeout(done, 50));
      resolve();
      b.delay = undefined;
      await until(() => taken.state === 'fulfilled');
      const asked = b.scripts - scripts;
      taken.value.release();
      await taker.idle();
      // A waiter checks by itself after 750 ms.
      return asked === 0;
    };
    expect(await succeedsOnce(needsNoQuestion)).toBe(true);
  });

  it('when every script is run twice', async () => {
    const nodes = fleet(20_000, withDoubledScripts);
    const [a, b] = nodes as [RedisSemaphore, RedisSemaphore];
    expect(await load(nodes, 40)).toBe(2);
    const [held, heavy] = [await a.acquire(), watch(b.acquire({ weight: 2 }))];
    await until(async () => (await readState(command, name)).waiters === 1);
    expect(await readState(command, name)).toEqual({ holders: 1, waiters: 1, used: 1 });
    held.release();
    await until(() => heavy.state === 'fulfilled');
    await expectTrueState();
    heavy.value.release();
    await expectEmptyState(nodes);
  });

  it('when answers are lost after Redis has done what it was told', async () => {
    const nodes = fleet(20_000);
    const loaded = watch(load(nodes, 60));
    for (let i = 0; i < 6; i++) {
      await new Promise((resolve) => setTimeout(resolve, 15));
      proxy.block('down');
      await new Promise((resolve) => setTimeout(resolve, 5));
      proxy.cut();
      proxy.unblock();
      await expectTrueState();
    }
    await until(() => loaded.state !== 'pending');
    expect(loaded.value).toBe(2);
    await expectEmptyState(nodes);
  });

  it('while Redis loads its data', async () => {
    await using loading = await RedisServer.start('--enable-debug-command', 'yes');
    await using client = await connect(loading.port);
    await using other = await connect(loading.port);
    const semaphore = new RedisSemaphore(client.client, {
      name,
      permits: 1,
      leaseMs: 25_000,
      // Redis loads its data for 3 seconds.
      timeoutMs: 800,
      onUnavailable: 'closed',
    });
    const held = await semaphore.acquire();
    await other.command('DEBUG', 'POPULATE', '100', 'filler', '20000');
    await other.command('CONFIG', 'SET', 'loading-process-events-interval-bytes', '1024');
    await other.command('CONFIG', 'SET', 'key-load-delay', '30000');
    const reloaded = watch(other.command('DEBUG', 'RELOAD'));
    const port = String(loading.port);
    await until(async () => (await cli('redis-cli', ['-p', port, 'PING'])).stdout.includes('LOADING'));
    await expect(semaphore.acquire()).rejects.toMatchObject({ code: 'ERR_SEMAPHORE_BACKEND' });
    // A client may give up on so long a command.
    await until(() => reloaded.state !== 'pending' && semaphore.stats().backend === 'up');
    expect(held.signal.aborted).toBe(false);
    held.release();
    await semaphore.run(() => undefined);
    await semaphore.idle();
  });
});
