// A process that stops while Redis is down must end by itself.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { withRedis } from '../helpers/needs';
import { RedisServer } from '../helpers/redis-server';

/** Prints a line when it may lose Redis, and stops as docs/guide/distributed.md says after a line on its input. */
const program = (port: number, end: string) => `
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

withRedis.it.each(['close().catch(() => undefined);', 'destroy();'])(
  'a process ends after client.%s while Redis is down',
  async (end) => {
    const server = await RedisServer.start();
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', '--input-type=module', '--eval', program(server.port, end)],
      { cwd: join(__dirname, '../..'), stdio: ['pipe', 'pipe', 'inherit'] },
    );
    const exit = once(child, 'exit');
    await once(child.stdout, 'data');
    await server.kill();
    child.stdin.write('stop\n');
    expect(await exit).toEqual([0, null]);
  },
);
