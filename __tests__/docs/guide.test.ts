// What a reader sees who runs the examples of the guide: requests to their servers, and their output.
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { once } from 'node:events';
import { withRedis } from '../helpers/needs';
import { RedisServer } from '../helpers/redis-server';
import { programWith } from './markdown';
import { ROOT, RunningProgram } from './program';

/** Starts the program of a page of the guide whose code contains `part`. */
function start(page: string, part: string, env: NodeJS.ProcessEnv = {}): Promise<RunningProgram> {
  const path = `docs/guide/${page}.md`;
  const text = readFileSync(join(ROOT, path), 'utf8');
  return RunningProgram.start(programWith({ path, text }, part), env);
}

/** What a program of the guide prints until it ends. */
async function outputOf(page: string, part: string): Promise<string> {
  await using program = await start(page, part);
  await program.end();
  return program.output;
}

describe('adaptive', () => {
  it('starts at a quarter of initialPermits', async () => {
    await using app = await start('adaptive', 'gradient({');
    expect(await app.call('/')).toBe('200 {"permits":5}');
  });

  it('counts outcomes', async () => {
    expect(await outputOf('adaptive', 'isBusy')).toBe('{ success: 1, overload: 1, ignore: 0 }\n');
  });
});

describe('choosing', () => {
  it('measures hold times after the first stats()', async () => {
    const output = await outputOf('choosing', 'users.stats()');
    const [, count, ms] = /^(\d+) permits, half of them held for at most (\d+) ms\n$/.exec(output) ?? [];
    expect(Number(count)).toBe(3);
    expect(Number(ms)).toBeGreaterThan(40);
  });

  it('uses orders with settings', async () => {
    await using app = await start('choosing', 'reserved: 2');
    expect(await app.call('/health')).toBe('200 ok');
  });
});

describe('dashboard', () => {
  const authorization = `Basic ${Buffer.from('admin:secret').toString('base64')}`;

  it('admits the right password', async () => {
    await using app = await start('dashboard', '{ api, perUser }', { DASHBOARD_PASSWORD: 'secret' });
    expect(await app.call('/limits', { headers: { authorization } })).toMatch(/^200 <!doctype html>/);
    const response = await app.fetch('/limits');
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([
      401,
      expect.stringMatching(/^Basic /),
    ]);
  });

  it.each([undefined, ''])('admits nobody while the password is %p', async (password) => {
    await using app = await start('dashboard', '{ api, perUser }', { DASHBOARD_PASSWORD: password });
    for (const given of [authorization, 'Basic YWRtaW46', 'Basic dW5kZWZpbmVk', 'undefined', '']) {
      expect((await app.fetch('/limits', { headers: { authorization: given } })).status).toBe(403);
    }
  });

  it('masks keys', async () => {
    await using app = await start('dashboard', 'maskKey = ', { DASHBOARD_PASSWORD: 'secret' });
    expect(await app.call('/limits', { headers: { authorization } })).toMatch(/^200 <!doctype html>/);
  });
});

describe('functions', () => {
  it.each([
    ['options of each call', 'interface Call', 'rows of orders\n'],
    ['a hold limit that run passes on', 'maxHoldMs', 'ERR_SEMAPHORE_HOLD_TIMEOUT\n'],
    ['a part of a permit', 'split(', '1 1\n'],
    ['a class', 'class Users', 'user 1\n'],
    ['a worker that stops', 'jobs.idle', "[ 'fulfilled', 'fulfilled', 'rejected' ]\n"],
  ])('shows %s', async (_what, part, output) => {
    expect(await outputOf('functions', part)).toBe(output);
  });
});

describe('keys', () => {
  it('changes the plan of a user', async () => {
    expect(await outputOf('keys', 'changePlan')).toBe('5 false\n');
  });

  it('chains limits', async () => {
    await using app = await start('keys', 'chain(perClient');
    expect(await app.call('/')).toBe('200 ok');
  });
});

it('errors: prints the code and the status', async () => {
  expect(await outputOf('errors', 'isSemaphoreError')).toBe('ERR_SEMAPHORE_QUEUE_FULL 503\n');
});

describe('hosts', () => {
  it('tells the clients of Koa apart behind a proxy', async () => {
    await using app = await start('hosts', 'new Koa(');
    await app.call('/', { headers: { 'x-forwarded-for': '203.0.113.1' } });
    expect(await app.call('/', { headers: { 'x-forwarded-for': '203.0.113.2' } })).toBe(
      '200 ["203.0.113.1","203.0.113.2"]',
    );
  });

  it('stops a handler after maxHoldMs, and logs no error', async () => {
    await using app = await start('hosts', 'maxHoldMs: 500', { NODE_ENV: 'production' });
    expect(await app.call('/report?ms=1')).toBe('200 {"rows":7}');
    expect(await app.call('/report?ms=60000')).toMatch(/^503 .*ERR_SEMAPHORE_HOLD_TIMEOUT/);
    expect(await app.call('/report?ms=1')).toBe('200 {"rows":7}');
    expect(app.errors).toBe('');
  });
});

describe('streams', () => {
  it('streams events', async () => {
    await using app = await start('streams', 'retryLater');
    const response = await app.fetch('/events');
    expect([response.status, response.headers.get('content-type')]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
    ]);
    await response.body?.cancel();
  });

  it('lets a client send its body only after admission', async () => {
    await using app = await start('streams', 'retryLater');
    const upload = request({
      port: await app.port(),
      path: '/files',
      method: 'POST',
      headers: { Expect: '100-continue' },
    });
    upload.flushHeaders();
    await once(upload, 'continue');
    upload.end('a file');
    const [response] = (await once(upload, 'response')) as [{ statusCode: number }];
    expect(response.statusCode).toBe(201);
  });

  it('survives a client that resets its upgrade', async () => {
    await using app = await start('streams', 'retryLater');
    const port = await app.port();
    const upgrade = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n';
    for (let n = 0; n < 20; n++) {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => undefined);
      await once(socket, 'connect');
      socket.write(upgrade);
      socket.resetAndDestroy();
    }
    const socket = connect(port, '127.0.0.1');
    socket.write(upgrade);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(String(answer)).toMatch(/^HTTP\/1.1 101 /);
    socket.destroy();
  });
});

describe('metrics', () => {
  it('prints stats and the busiest keys', async () => {
    const output = await outputOf('metrics', 'perUser.top');
    expect(output).toContain('0 of 100 held, 0 waiting\n');
  });

  it('prints a rejection that it observes', async () => {
    expect(await outputOf('events', 'observe(')).toBe('api rejected a call: aborted\n');
  });

  it('serves metrics for Prometheus', async () => {
    await using app = await start('metrics', 'prom-client');
    expect(await app.call('/metrics')).toMatch(/express_semaphore_permit_limit\{limiter="api"\} 100\n/);
  });
});

describe('migrating', () => {
  it('shows the counterparts of p-limit and bottleneck', async () => {
    expect(await outputOf('migrating', 'pLimit(5)')).toBe('page /\npage /a\n');
    expect(await outputOf('migrating', 'new Bottleneck')).toBe('urgent\n');
  });
});

it('overload: serves each of its routes', async () => {
  await using app = await start('overload', "order: 'fair'");
  expect(await app.call('/search')).toBe('200 found');
  expect(await app.call('/items', { headers: { 'x-user': 'alice' } })).toBe('200 listed');
  expect(await app.call('/orders')).toBe('200 ordered');
});

it('security: limits each client and everybody, and answers 400 where there is no address', async () => {
  await using app = await start('security', 'trust proxy');
  expect(await app.call('/')).toBe('200 hello');
  expect(await app.call('/', { headers: { 'x-forwarded-for': 'unknown' } })).toBe('400 Bad Request');
});

it('shutdown: finishes what runs, rejects what comes, and ends by itself', async () => {
  await using app = await start('shutdown', 'SIGTERM', { DRAIN_MS: '2000' });
  expect((await app.fetch('/ready')).status).toBe(200);
  const running = app.call('/');
  app.kill('SIGTERM');
  expect(await running).toBe('200 done');
  await app.end();
});

it('testing: passes', async () => {
  expect(await outputOf('testing', 'createApp')).toBe('passed\n');
  expect(await outputOf('testing', 'FakeClock')).toMatch(/^# pass 3\n# fail 0$/m);
});

it('warnings: prints the code', async () => {
  expect(await outputOf('warnings', 'UNBOUNDED')).toBe('WARN_SEMAPHORE_UNBOUNDED_QUEUE\n');
});

withRedis.it('distributed: serves from Redis, and leaves nothing behind on shutdown', async () => {
  await using redis = await RedisServer.start();
  await using app = await start('distributed', 'RedisSemaphore', { REDIS_URL: redis.url });
  expect(await app.call('/reports')).toBe('200 made');
  expect(await app.call('/')).toBe('200 hello');
  app.kill('SIGTERM');
  await app.end();
});
