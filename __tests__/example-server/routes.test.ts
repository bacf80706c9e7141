import { once } from 'node:events';
import type { Server } from 'node:http';
import request from 'supertest';
import { createApp } from '../../example-server/app';
import { createLimiters } from '../../example-server/limiters';
import { Work } from '../../example-server/work';
import { defer, RawClient, serve, until } from '../helpers/serve';
import type { TestServer } from '../helpers/serve';

/** The app. Its work lasts until the test ends it. */
async function start() {
  const limiters = createLimiters();
  const done = defer();
  const work = new Work(() => done.promise);
  const server = await serve(createApp({ limiters, work }));
  return { limiters, work, done, server, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

async function ready(): Promise<TestServer> {
  return serve(createApp({ work: new Work(() => Promise.resolve()) }));
}

test.each<[string, (server: Server) => request.Test, number, unknown]>([
  ['GET /users', (server) => request(server).get('/users'), 200, [{ name: 'Ada' }, { name: 'Grace' }]],
  ['HEAD /users', (server) => request(server).head('/users'), 200, {}],
  ['GET /orders', (server) => request(server).get('/orders'), 200, [{ item: 'tea' }]],
  ['POST /orders', (server) => request(server).post('/orders').send({ item: 'jam' }), 201, { item: 'jam' }],
  ['GET /me', (server) => request(server).get('/me').set('x-api-token', 'alice'), 200, expect.anything()],
  ['GET /me without a token', (server) => request(server).get('/me'), 401, expect.anything()],
  ['GET /reports/seven', (server) => request(server).get('/reports/seven'), 200, { id: 'seven', total: 5 }],
  ['POST /exports', (server) => request(server).post('/exports'), 202, { status: 'started' }],
])('%s answers', async (_name, ask, status, body) => {
  await using server = await ready();
  const response = await ask(server.server);
  expect(response.status).toBe(status);
  expect(response.body).toEqual(body);
});

test.each<[string, string, number]>([
  ['/users', 'users', 3],
  ['/orders', 'orders', 10],
  ['/me', 'me', 2],
  ['/reports/7', 'reports', 2],
])('%s never runs more handlers at once than its limit, and rejects the rest', async (path, name, limit) => {
  await using example = await start();
  const { work, done, server } = example;
  const rejected: { readonly response: request.Response; readonly ms: number }[] = [];
  const all = Array.from({ length: 60 }, async () => {
    const start = performance.now();
    const response = await request(server.server).get(path).set('x-api-token', 'alice');
    if (response.status !== 200) rejected.push({ response, ms: performance.now() - start });
  });
  await until(() => work.concurrency[name]?.running === limit && rejected.length >= 60 - 3 * limit - 10);
  done.resolve();
  await Promise.all(all);
  expect(work.concurrency[name]).toEqual({ running: 0, highest: limit });
  const codes = rejected.map(({ response }) => (response.body as { code: string }).code);
  expect(codes).toContain('ERR_SEMAPHORE_QUEUE_FULL');
  for (const { response, ms } of rejected) {
    const { status, headers } = response;
    const body = response.body as { code: string };
    expect(status).toBe(path === '/me' ? 429 : 503);
    if (name !== 'reports') expect(headers['retry-after']).toMatch(/^[1-9]$/);
    expect(headers['content-type']).toMatch('application/problem+json');
    expect(body).toMatchObject({ code: expect.any(String) as string, status });
    // A busy machine may take longer than the wait of one second to read all requests.
    if (body.code === 'ERR_SEMAPHORE_WAIT_TIMEOUT') expect(ms).toBeGreaterThan(990);
    else expect(body.code).toBe('ERR_SEMAPHORE_QUEUE_FULL');
  }
});

test('a user at the limit does not block another user', async () => {
  await using example = await start();
  const { work, done, server } = example;
  const ask = (token: string) => request(server.server).get('/me').set('x-api-token', token).then();
  const answers = [ask('alice'), ask('alice'), ask('alice'), ask('bob'), ask('bob')];
  await until(() => work.concurrency['me']?.running === 4);
  done.resolve();
  for (const answer of answers) expect((await answer).status).toBe(200);
});

test('an event stream releases its permits once it has started', async () => {
  await using example = await start();
  const { limiters, done, server } = example;
  const client = await RawClient.connect(server.port);
  client.get('/events');
  await until(() => limiters.events.held === 1 && limiters.app.held === 1);
  done.resolve();
  await client.receives('data: ');
  expect([limiters.events.held, limiters.app.held]).toEqual([0, 0]);
  client.reset();
});

test('an event stream whose client leaves before it starts holds its permit until its work ends', async () => {
  await using example = await start();
  const { limiters, done, server } = example;
  const client = await RawClient.connect(server.port);
  client.get('/events');
  await until(() => limiters.events.held === 1);
  const closed = once(client.socket, 'close');
  client.reset();
  await closed;
  await until(() => limiters.app.held === 0);
  expect(limiters.events.held).toBe(1);
  done.resolve();
  await limiters.events.idle();
});

test('an export holds its permit after its answer, until it has been written', async () => {
  await using example = await start();
  const { limiters, done, server } = example;
  await request(server.server).post('/exports').expect(202);
  expect(limiters.exports.held).toBe(1);
  done.resolve();
  await limiters.exports.idle();
});

test('/stats answers while the app is full, and shows no API token', async () => {
  await using example = await start();
  const { limiters, work, done, server } = example;
  const first = request(server.server).get('/me').set('x-api-token', 'secret').then();
  await until(() => work.concurrency['me']?.running === 1);
  limiters.app.resize(1);
  const response = await request(server.server).get('/stats').expect(200);
  expect(response.body).toMatchObject({
    limiters: {
      app: { permits: 1, held: 1, waiting: 0 },
      users: { permits: 3, held: 0 },
      perUser: { keys: 1, held: 1, permitsPerKey: 2 },
    },
    handlers: { me: { running: 1, highest: 1 } },
  });
  expect(response.text).not.toContain('secret');
  done.resolve();
  await first;
});
