// A process that stops must end by itself, whatever became of Redis and of its client.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { withRedis } from '../helpers/needs';
import { RedisServer } from '../helpers/redis-server';

/** Prints a line when it may lose Redis, and stops as docs/guide/distributed.md says after a line on its input. */
const stopping = (port: number, end: string) => `
  import { once } from 'node:events';
  import { createClient } from 'redis';
  import { createRequire } from 'node:module';
  const { RedisSemaphore } = createRequire('${__filename}')('../../lib/redis');
  const client = createClient({ url: 'redis://127.0.0.1:${port}' }).on('error', () => undefined);
  await client.connect();
  const semaphore = new RedisSemaphore(client, { name: 'api', permits: 2, leaseMs: 1_000, timeoutMs: 1_000 });
  await semaphore.ready();
  (await semaphore.acquire()).release();
  console.log('ready');
  await once(process.stdin, 'data');
  process.stdin.destroy();
  semaphore.close();
  await semaphore.idle();
  client.${end}`;

/** Ends its client while it holds a permit, and then waits only until the lease is lost. Its renewal is tried for an hour. */
const holding = (port: number) => `
  import { Redis } from 'ioredis';
  import { createRequire } from 'node:module';
  const { RedisSemaphore } = createRequire('${__filename}')('../../lib/redis');
  const client = new Redis({ host: '127.0.0.1', port: ${port}, disconnectTimeout: 100 });
  const semaphore = new RedisSemaphore(client, { name: 'api', permits: 1, leaseMs: 300, timeoutMs: 3_600_000 });
  await semaphore.ready();
  const { signal } = await semaphore.acquire();
  process.stdin.resume();
  signal.addEventListener('abort', () => process.stdin.destroy());
  client.disconnect();`;

/** Runs a program. One that does not end by itself is killed. */
function run(program: string) {
  return spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', program], {
    cwd: join(__dirname, '../..'),
    stdio: ['pipe', 'pipe', 'inherit'],
    timeout: 150_000,
  });
}

withRedis.it.each(['close().catch(() => undefined);', 'destroy();'])(
  'a process ends after client.%s while Redis is down',
  async (end) => {
    const server = await RedisServer.start();
    const child = run(stopping(server.port, end));
    const exit = once(child, 'exit');
    await once(child.stdout, 'data');
    await server.kill();
    child.stdin.write('stop\n');
    expect(await exit).toEqual([0, null]);
  },
);

withRedis.it('a process that holds a permit ends after its client', async () => {
  await using server = await RedisServer.start();
  expect(await once(run(holding(server.port)), 'exit')).toEqual([0, null]);
});
