// Runs the files of examples/ as they are, each in its own process, over real sockets.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import WebSocket from 'ws';
import { findCommand } from '../helpers/requirements';
import { withBrowser } from '../helpers/needs';
import { serve, until } from '../helpers/serve';
import { ROOT, RunningProgram } from '../docs/program';
import { PostgresServer } from './postgres-server';

const FOLDER = join(ROOT, 'examples');

/** Starts an example, as `npx tsx examples/<name>.ts` does. */
function start(name: string, env: NodeJS.ProcessEnv = {}): Promise<RunningProgram> {
  return RunningProgram.start({ name: `examples/${name}.ts:1`, code: `import './${name}.js';` }, env);
}

/** Sends `count` requests at once. Resolves with their statuses, sorted. */
async function statusesOf(app: RunningProgram, path: string, count: number, init: RequestInit = {}) {
  const responses = await Promise.all(Array.from({ length: count }, () => app.fetch(path, init)));
  return responses.map(({ status }) => status).sort();
}

async function json(app: RunningProgram, path: string): Promise<unknown> {
  return (await app.fetch(path)).json();
}

async function untilAnswer(app: RunningProgram, path: string, expected: string): Promise<void> {
  await until(async () => (await app.call(path)) === expected);
}

/** Waits until the app reports that no permit is held. */
async function untilIdle(app: RunningProgram, path: string): Promise<void> {
  await until(async () => ((await json(app, path)) as { held: number }).held === 0);
}

/** Runs an example as its README says. Resolves with the exit code and what it printed. */
async function runAsDocumented(name: string, port: number): Promise<{ code: unknown; output: string }> {
  const env = { ...process.env, PORT: String(port) };
  const child = spawn(process.execPath, ['--import', 'tsx', `${name}.ts`], { cwd: FOLDER, env });
  let output = '';
  child.stdout.on('data', (text) => (output += String(text)));
  child.stderr.on('data', (text) => (output += String(text)));
  const [code] = (await once(child, 'close')) as unknown[];
  return { code, output };
}

const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.ts'),
);

it.each(files.filter((file) => !file.startsWith('stand-ins/')))('%s has fewer than 60 rows', (file) => {
  expect(readFileSync(join(FOLDER, file), 'utf8').split('\n').length).toBeLessThanOrEqual(60);
});

it('README.md lists every example', () => {
  const listed = readFileSync(join(FOLDER, 'README.md'), 'utf8');
  const top = files.filter((file) => !file.includes('/'));
  expect(top.filter((file) => !listed.includes(`\`${file}\``))).toEqual([]);
});

describe('as its README runs it, in examples/', () => {
  it('an app whose port is in use says so in one line', async () => {
    await using other = await serve((_req, res) => res.end());
    const port = Number(new URL(other.url).port);
    const results = await Promise.all(['nest', 'whole-app'].map((name) => runAsDocumented(name, port)));
    const output = `Port ${port} is in use. Choose another: PORT=${port + 1}\n`;
    expect(results).toEqual([
      { code: 1, output: expect.stringMatching(new RegExp(`${output}$`)) as string },
      { code: 1, output },
    ]);
  });

  it('an app without a server runs to its end', async () => {
    expect(await runAsDocumented('prisma', 0)).toMatchObject({ code: 0 });
  });

  it('no app calls a listen of its own', () => {
    const apps = files.filter((file) => file !== 'listen.ts');
    expect(apps.filter((file) => readFileSync(join(FOLDER, file), 'utf8').includes('.listen('))).toEqual([]);
  });
});

it.each(['koa', 'fastify'])('%s: serves what it can, and rejects the other requests', async (name) => {
  await using app = await start(name);
  const statuses = await statusesOf(app, '/', 20);
  expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(6);
  expect(new Set(statuses)).toEqual(new Set([200, 503]));
});

it('whole-app: serves what it can, rejects the other requests, and answers its health check meanwhile', async () => {
  await using app = await start('whole-app');
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"item":"tea"}' };
  const orders = statusesOf(app, '/orders', 50, init);
  expect(await json(app, '/health')).toHaveProperty('held');
  const statuses = await orders;
  expect(statuses.filter((status) => status === 201).length).toBeGreaterThanOrEqual(6);
  expect(new Set(statuses)).toEqual(new Set([201, 503]));
  await untilIdle(app, '/health');
});

it('per-user: 401 for anonymous users, 429 beyond the permits of a user', async () => {
  await using app = await start('per-user');
  expect(await statusesOf(app, '/', 1)).toEqual([401]);
  const bob = { headers: { 'x-api-token': 'secret-2' } };
  const alice = { headers: { 'x-api-token': 'secret-1' } };
  const [bobs, alices] = await Promise.all([statusesOf(app, '/', 20, bob), statusesOf(app, '/', 3, alice)]);
  expect(bobs[0]).toBe(200);
  expect(bobs).toContain(429);
  expect(alices).toEqual([200, 200, 200]);
});

describe('upload', () => {
  it('hashes a file', async () => {
    await using app = await start('upload');
    expect(await app.call('/files', { method: 'POST', body: 'a file' })).toMatch(
      /^201 {"sha256":"[0-9a-f]{64}"}$/,
    );
    await untilIdle(app, '/health');
  });

  it('never receives the body of a rejected client', async () => {
    await using app = await start('upload');
    const port = await app.port();
    const uploads = [];
    for (let n = 0; n < 2; n++) {
      const upload = request({ port, path: '/files', method: 'POST', headers: { Expect: '100-continue' } });
      upload.flushHeaders();
      await once(upload, 'continue');
      uploads.push(upload);
    }
    const third = request({ port, path: '/files', method: 'POST', headers: { Expect: '100-continue' } });
    third.on('continue', () => {
      throw new Error('a rejected client was told to continue');
    });
    third.flushHeaders();
    const [rejection] = (await once(third, 'response')) as [IncomingMessage];
    expect(rejection.statusCode).toBe(503);
    third.destroy();
    for (const upload of uploads) {
      upload.end('done');
      const [response] = (await once(upload, 'response')) as [IncomingMessage];
      expect(response.resume().statusCode).toBe(201);
    }
    await untilIdle(app, '/health');
  });
});

it('server-sent-events: a client beyond the limit is told to retry, and is served once a stream has ended', async () => {
  await using app = await start('server-sent-events');
  const streams = [await app.fetch('/events'), await app.fetch('/events')];
  expect(streams.map(({ status }) => status)).toEqual([200, 200]);
  expect(await app.call('/events')).toBe('200 retry: 100\n\n');
  await streams[0]?.body?.cancel();
  await until(async () => {
    const reader = (await app.fetch('/events')).body?.getReader();
    const chunk = await reader?.read();
    return Buffer.from((chunk?.value ?? []) as Uint8Array).toString() === 'data: 1\n\n';
  });
});

describe('websocket', () => {
  it('echoes, and rejects an upgrade beyond the limit with 503', async () => {
    await using app = await start('websocket');
    const url = `ws://127.0.0.1:${await app.port()}`;
    const [first, second] = [new WebSocket(url), new WebSocket(url)];
    await Promise.all([once(first, 'open'), once(second, 'open')]);
    first.send('hello');
    expect(String((await once(first, 'message'))[0])).toBe('hello');

    const third = new WebSocket(url);
    const [, rejection] = (await once(third, 'unexpected-response')) as [unknown, IncomingMessage];
    expect(rejection.statusCode).toBe(503);
    expect(rejection.headers['retry-after']).toMatch(/^[1-3]$/);

    first.close();
    second.close();
    await untilAnswer(app, '/', '200 0 sockets are open');
  });

  it('survives clients that reset their connection', async () => {
    await using app = await start('websocket');
    const port = await app.port();
    for (let n = 0; n < 20; n++) {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => undefined);
      await once(socket, 'connect');
      socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
      socket.resetAndDestroy();
    }
    await untilAnswer(app, '/', '200 0 sockets are open');
  });
});

it('background-export: counts work that outlives its response, also when it fails', async () => {
  await using app = await start('background-export');
  expect(await app.call('/exports/broken', { method: 'POST' })).toBe('202 {"status":"started"}');
  expect(await app.call('/exports/second', { method: 'POST' })).toBe('202 {"status":"started"}');
  await untilIdle(app, '/exports');
  expect(await json(app, '/exports')).toEqual({ finished: ['second'], held: 0 });
});

it('postgres: callers queue in the limiter, and never in the pool', async () => {
  await using database = await PostgresServer.start(200);
  await using app = await start('postgres', { DATABASE_URL: database.url });
  expect(await app.call('/users')).toBe('200 [{"name":"alice"}]');
  const users = statusesOf(app, '/users', 50);
  expect(await json(app, '/stats')).toMatchObject({ waitingInPool: 0 });
  const statuses = await users;
  expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(5);
  expect(statuses).toContain(503);
  expect(database.most).toBe(2);
});

it('prisma: at most two queries run at once', async () => {
  await using program = await start('prisma');
  await program.end();
  expect(program.output).toBe('2 queries run, 4 wait\nuser 0, user 1, user 2, user 3, user 4, user 5\n');
});

describe('openai', () => {
  it('calls the upstream twice at once, and ends a call whose client leaves', async () => {
    let running = 0;
    let most = 0;
    let ended = 0;
    await using upstream = await serve((req, res) => {
      most = Math.max(most, ++running);
      res.once('close', () => {
        running--;
        if (!res.writableEnded) ended++;
      });
      let body = '';
      req.on('data', (chunk) => (body += String(chunk)));
      req.on('end', () => {
        if (body.includes('slow')) return;
        const content = 'an answer';
        setTimeout(() => res.end(JSON.stringify({ choices: [{ message: { content } }] })), 200);
      });
    });
    await using app = await start('openai', { OPENAI_BASE_URL: upstream.url });
    expect(new Set(await statusesOf(app, '/chat?q=hello', 10))).toEqual(new Set([200]));
    expect(most).toBe(2);

    const leaving = new AbortController();
    const slow = app.fetch('/chat?q=slow', { signal: leaving.signal }).catch(() => 'left');
    await until(() => running === 1);
    leaving.abort();
    expect(await slow).toBe('left');
    await until(() => ended === 1);
    await untilIdle(app, '/stats');
  });
});

withBrowser.it('browser-pages: takes screenshots', async () => {
  await using app = await start('browser-pages', { CHROMIUM: findCommand('chromium') });
  const response = await app.fetch('/screenshot?title=hello');
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'image/png']);
  app.kill('SIGTERM');
  await app.end();
});

it('next: renders two pages at once, rejects beyond the queue, and serves static files meanwhile', async () => {
  await using app = await start('next');
  expect(await app.call('/')).toBe('200 <p>a page, in production</p>');
  const pages = statusesOf(app, '/', 20);
  expect((await app.fetch('/_next/static/chunk.js')).status).toBe(200);
  const statuses = await pages;
  expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(6);
  expect(new Set(statuses)).toEqual(new Set([200, 503]));
  expect(await app.call('/_next/static/chunk.js')).toBe('200 most at once: 2');
});

it('job-worker: a request is served before the backlog of jobs', async () => {
  await using app = await start('job-worker');
  const done = (await json(app, '/resize')) as string[];
  expect(done.at(-1)).toBe('request');
  expect(done.length).toBeLessThan(100);
});

it('graphql: limits the costly field, and answers 503 when it is rejected', async () => {
  await using app = await start('graphql');
  const ask = (source: string) =>
    app.call('/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/graphql' },
      body: source,
    });
  expect(await ask('{ hello }')).toBe('200 {"data":{"hello":"world"},"errors":[]}');
  const fields = (count: number) =>
    `{ ${Array.from({ length: count }, (_, n) => `r${n}: report(id: ${n})`).join(' ')} }`;
  expect(await ask(fields(5))).toContain('"r4":"report 4"');
  expect(await ask(fields(6))).toMatch(/^503 /);
  expect(await json(app, '/stats')).toEqual({ most: 2, held: 0 });
});

describe('nest', () => {
  it.each(['/outside', '/inside'])('checks access and keeps the status of %s', async (path) => {
    await using app = await start('nest');
    expect((await app.fetch(path)).status).toBe(403);
    expect(await app.call(path, { headers: { 'x-role': 'admin' } })).toBe('202 held: 1');
  });
});
