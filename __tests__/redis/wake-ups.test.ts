import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { GlideClient } from '@valkey/valkey-glide';
import { Redis } from 'ioredis';
import { createClient, createClientPool } from 'redis';
import { RedisSemaphore } from '../../lib/redis';
import type { RedisClient } from '../../lib/redis';
import { withDelay } from '../helpers/meddling';
import { withRedis } from '../helpers/needs';
import { CLIENTS } from '../helpers/redis-clients';
import type { TestClient } from '../helpers/redis-clients';
import { RedisServer } from '../helpers/redis-server';
import { until } from '../helpers/serve';
import { TcpProxy } from '../helpers/tcp-proxy';
import { collectWarnings } from '../helpers/warnings';
import { watch } from '../helpers/watch';

let server: RedisServer;
let direct: TestClient;
let names = 0;

/** Clients with an option that changes how a wake-up arrives. */
const SET_UPS: Record<string, () => Promise<RedisClient> | RedisClient> = {
  'node-redis with a keyPrefix': () => nodeRedis({ keyPrefix: 'app:' }),
  'node-redis with disableOfflineQueue': () => nodeRedis({ disableOfflineQueue: true }),
  'node-redis with RESP 3': () => nodeRedis({ RESP: 3 }),
  'ioredis with a keyPrefix': () => ioRedis({ keyPrefix: 'app:' }),
  'ioredis with lazyConnect': () => ioRedis({ lazyConnect: true }),
  'ioredis with autoResubscribe off': () => ioRedis({ autoResubscribe: false }),
  'ioredis with enableOfflineQueue off': () => ioRedis({ enableOfflineQueue: false }),
  'ioredis with pipelines': () => ioRedis({ enableAutoPipelining: true }),
};

const opened: { destroy?(): void; disconnect?(): void }[] = [];

async function nodeRedis(options: object): Promise<RedisClient> {
  const client = createClient({ socket: { host: '127.0.0.1', port: server.port }, ...options });
  client.on('error', () => undefined);
  await client.connect();
  opened.push(client);
  return client;
}

function ioRedis(options: object): RedisClient {
  const client = new Redis({ host: '127.0.0.1', port: server.port, disconnectTimeout: 100, ...options });
  opened.push(client);
  return client;
}

function make(client: RedisClient, name = `wake-ups-${++names}`): RedisSemaphore {
  return new RedisSemaphore(client, { name, permits: 1, leaseMs: 30_000, timeoutMs: 10_000 });
}

withRedis.describe('A wake-up', () => {
  beforeAll(async () => {
    server = await RedisServer.start();
    direct = await connectDirectly();
  }, 120_000);

  afterEach(() => {
    for (const client of opened.splice(0)) {
      client.destroy?.();
      client.disconnect?.();
    }
  });

  afterAll(async () => {
    await direct[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  it.each(Object.entries(SET_UPS))('reaches %s', async (_, connect) => {
    const delayed = withDelay(await connect());
    const [giver, taker] = [make(await connect(), `by-${++names}`), make(delayed.client, `by-${names}`)];
    await Promise.all([giver.ready(), taker.ready()]);
    expect(taker.stats().wakeUps).toBe('push');
    let pushed = 0;
    // On a busy machine a waiter may check before the message arrives.
    for (let i = 0; i < 5 && pushed === 0; i++) {
      const held = await giver.acquire();
      const next = watch(taker.acquire());
      await queued(taker);
      const { scripts } = delayed;
      held.release();
      await until(() => next.state === 'fulfilled');
      if (delayed.scripts === scripts) pushed++;
      next.value.release();
    }
    expect(pushed).toBe(1);
    await Promise.all([giver.idle(), taker.idle()]);
  });

  it('recovers after only the connection for messages was killed', async () => {
    const semaphore = make(await nodeRedis({}));
    await semaphore.ready();
    await direct.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await until(() => semaphore.stats().wakeUps === 'poll');
    await until(() => semaphore.stats().wakeUps === 'push');
  });

  it.each([
    [
      'node-redis',
      () => nodeRedis({ socket: { port: server.port, host: '127.0.0.1', reconnectStrategy: false } }),
    ],
    ['ioredis', () => ioRedis({ retryStrategy: () => null })],
  ])('recovers %s although its client gave up on the connection', async (_, connect) => {
    const semaphore = make(await connect());
    await semaphore.ready();
    await direct.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await until(() => semaphore.stats().wakeUps === 'poll');
    await until(() => semaphore.stats().wakeUps === 'push');
  });

  it('gets another connection when the one for messages is dead without an event of the client', async () => {
    await using proxy = await TcpProxy.to(server.port);
    const client = ioRedis({});
    Object.assign(client, { duplicate: () => ioRedis({ port: proxy.port }) });
    const [giver, taker] = [make(await nodeRedis({}), `dead-${++names}`), make(client, `dead-${names}`)];
    await taker.ready();
    const held = await giver.acquire();
    const next = watch(taker.acquire());
    await queued(taker);
    proxy.block('up', 'down');
    held.release();
    await until(() => next.state === 'fulfilled');
    await until(() => taker.stats().wakeUps === 'poll');
    proxy.unblock();
    await until(() => taker.stats().wakeUps === 'push');
    next.value.release();
    await Promise.all([giver.idle(), taker.idle()]);
  });

  it('recovers a client that was closed and opened again', async () => {
    const client = createClient({ socket: { host: '127.0.0.1', port: server.port } });
    client.on('error', () => undefined);
    await client.connect();
    const semaphore = make(client);
    await semaphore.ready();
    await client.close();
    await until(() => semaphore.stats().wakeUps === 'poll');
    await client.connect();
    await semaphore.run(() => undefined);
    await until(() => semaphore.stats().wakeUps === 'push');
    await semaphore.ready();
    client.destroy();
  });

  it('may be forbidden while it runs: that does not end a process with ioredis', async () => {
    await direct.command('ACL', 'SETUSER', 'muted', 'on', '>pw', '~*', '&*', '+@all');
    const program = `
      import { createRequire } from 'node:module';
      import { Redis } from 'ioredis';
      const { RedisSemaphore } = createRequire('${__filename}')('../../lib/redis');
      const client = new Redis(${server.port}, '127.0.0.1', { username: 'muted', password: 'pw' });
      const semaphore = new RedisSemaphore(client, { name: 'muted', permits: 1 });
      await semaphore.ready();
      console.log('ready');
      process.stdin.resume().on('end', () => setTimeout(() => process.exit(7), 200));`;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', program], {
      cwd: join(__dirname, '../..'),
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    const exit = once(child, 'exit');
    await once(child.stdout, 'data');
    // This ends the connections of the user that listen to a channel.
    await direct.command('ACL', 'SETUSER', 'muted', 'resetchannels');
    const log = async (): Promise<string> => JSON.stringify(await direct.command('ACL', 'LOG'));
    await until(async () => child.exitCode !== null || (await log()).includes('muted'));
    child.stdin.end();
    expect(await exit).toEqual([7, null]);
  });

  it('is replaced by polling, with one warning, where the user may not subscribe', async () => {
    const warnings = collectWarnings();
    await direct.command('ACL', 'SETUSER', 'deaf', 'on', '>pw', '~*', '&*', '+@all', '-subscribe');
    const semaphore = make(await nodeRedis({ username: 'deaf', password: 'pw' }));
    const held = await semaphore.acquire();
    const other = make(await nodeRedis({ username: 'deaf', password: 'pw' }), `wake-ups-${names}`);
    const next = watch(other.acquire());
    await until(() => other.waiting === 1);
    await queued(other);
    held.release();
    await until(() => next.state === 'fulfilled');
    expect(other.stats().wakeUps).toBe('poll');
    await until(() => warnings.some(({ code }) => code === 'WARN_SEMAPHORE_POLLING'));
    expect(warnings.filter(({ code }) => code === 'WARN_SEMAPHORE_POLLING')).toHaveLength(1);
    next.value.release();
    await Promise.all([semaphore.idle(), other.idle()]);
  });

  it.each([
    ['eval', 'eval'],
    ['evalsha', 'evalsha'],
    ['subscribe', 'subscribe'],
    ['zadd', 'ZADD'],
    ['time', 'TIME'],
    ['set', 'SET'],
    ['pexpire', 'PEXPIRE'],
    ['zremrangebyscore', 'ZREMRANGEBYSCORE'],
    ['publish', 'PUBLISH'],
  ])('is not promised by ready() without the right to %s, and the error names it', async (command, named) => {
    const user = `without-${command}`;
    await direct.command('ACL', 'SETUSER', user, 'on', '>pw', '~*', '&*', '+@all', `-${command}`);
    const semaphore = make(await nodeRedis({ username: user, password: 'pw' }));
    await expect(semaphore.ready()).rejects.toThrow(named);
  });

  it('is not promised by ready() of GLIDE without the right to subscribe, although GLIDE gives no reason', async () => {
    await direct.command('ACL', 'SETUSER', 'silent', 'on', '>pw', '~*', '&*', '+@all', '-subscribe');
    const client = await GlideClient.createClient({
      addresses: [{ host: '127.0.0.1', port: server.port }],
      credentials: { username: 'silent', password: 'pw' },
      requestTimeout: 5_000,
    });
    const semaphore = new RedisSemaphore(client, { name: 'silent', permits: 1 });
    await expect(semaphore.ready()).rejects.toThrow('SUBSCRIBE');
    client.close();
  });

  it('reaches each of several objects of one client and name without a question', async () => {
    for (const connect of Object.values(CLIENTS)) {
      await using connected = await connect(server.port);
      const delayed = withDelay(connected.client);
      const [one, other] = [make(delayed.client), make(delayed.client, `wake-ups-${names}`)];
      await one.ready();
      let pushed = 0;
      // On a busy machine a waiter may check before the message arrives.
      for (let i = 0; i < 5 && pushed === 0; i++) {
        const held = await one.acquire();
        const next = watch(other.acquire());
        await until(() => other.waiting === 1);
        await queued(other);
        expect([one.held, one.waiting, other.held, other.waiting]).toEqual([1, 0, 0, 1]);
        const { scripts } = delayed;
        held.release();
        await until(() => next.state === 'fulfilled');
        if (delayed.scripts === scripts + 1) pushed++;
        next.value.release();
        await Promise.all([one.idle(), other.idle()]);
      }
      expect(pushed).toBe(1);
      await Promise.all([one.idle(), other.idle()]);
    }
  });

  it('needs a client that can subscribe: a pool and a legacy client are rejected', () => {
    const client = createClient();
    const message = /createClient\(\)/;
    expect(() => make(createClientPool() as never)).toThrow(message);
    expect(() => make(client.legacy() as never)).toThrow(message);
  });
});

/** Resolves when Redis has queued the waiter of `semaphore`. */
async function queued(semaphore: RedisSemaphore): Promise<void> {
  const name = semaphore.name ?? '';
  await until(async () => ((await direct.command('KEYS', `*{semaphore:${name}}:q`)) as unknown[]).length > 0);
}

async function connectDirectly(): Promise<TestClient> {
  const connect = CLIENTS['node-redis'];
  if (connect === undefined) throw new Error('there is no such client');
  return connect(server.port);
}
