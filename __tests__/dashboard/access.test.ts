import { once } from 'node:events';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import express from 'express';
import { limit, Semaphore } from 'express-semaphore';
import { basicAuth, dashboard } from 'express-semaphore/dashboard';
import type { DashboardOptions } from 'express-semaphore/dashboard';
import { EventStream } from '../helpers/event-stream';
import { RawClient, serve, until } from '../helpers/serve';

const { NODE_ENV } = process.env;

afterEach(() => {
  process.env['NODE_ENV'] = NODE_ENV;
});

const places = [
  { what: 'the page', path: '/' },
  { what: 'its stream', path: '/events' },
  { what: 'its history', path: '/history' },
];

describe.each(places)('$what', ({ path }) => {
  it.each(['production', 'test', 'staging', ''])('is closed while NODE_ENV is "%s"', async (env) => {
    process.env['NODE_ENV'] = env;
    expect(await ask()).toEqual({
      status: 403,
      text: expect.stringContaining('Give it authorize(req)') as string,
    });
  });

  it('is closed while there is no NODE_ENV', async () => {
    delete process.env['NODE_ENV'];
    expect(await ask()).toMatchObject({ status: 403 });
  });

  it.each(['localhost:3000', '127.0.0.1', '127.1.2.3:80', '[::1]:3000', 'LOCALHOST'])(
    'is open in development at the host %s',
    async (host) => {
      process.env['NODE_ENV'] = 'development';
      expect(await ask({}, { Host: host })).toMatchObject({ status: 200 });
    },
  );

  it.each(['evil.example:3000', 'localhost.evil.example', '127.0.0.1.evil.example', '192.168.0.1'])(
    'is closed in development at the host "%s", which may lead here by DNS rebinding',
    async (host) => {
      process.env['NODE_ENV'] = 'development';
      expect(await ask({}, { Host: host })).toMatchObject({ status: 403 });
    },
  );

  it('is closed in development to a request without a host', async () => {
    process.env['NODE_ENV'] = 'development';
    await using server = await serve(express().use(dashboard({})));
    const client = await RawClient.connect(server.port);
    client.socket.write(`GET ${path} HTTP/1.0\r\n\r\n`);
    await client.receives('403 Forbidden');
    client.socket.destroy();
  });

  it('is open to requests that authorize accepts, at any host, and closed to all others', async () => {
    process.env['NODE_ENV'] = 'development';
    const authorize = (req: IncomingMessage) => req.headers['x-token'] === 'right';
    expect(await ask({ authorize }, { 'X-Token': 'right', Host: 'limits.example' })).toMatchObject({
      status: 200,
    });
    expect(await ask({ authorize }, { 'X-Token': 'wrong' })).toMatchObject({ status: 403 });
  });

  it('waits for the promise that authorize returns', async () => {
    expect(await ask({ authorize: () => Promise.resolve(true) })).toMatchObject({ status: 200 });
    expect(await ask({ authorize: () => Promise.resolve(false) })).toMatchObject({ status: 403 });
  });

  it.each([
    ['throws', () => fail()],
    ['rejects', () => Promise.reject(new Error('no session'))],
    ['returns a value that is neither true nor false', () => ({ id: 'alice' }) as never],
  ])('passes an error on if authorize %s', async (_how, authorize) => {
    const { status, text } = await ask({ authorize });
    expect(status).toBe(500);
    expect(text).toMatch(/no session|what authorize returns must be a boolean, got an object/);
  });

  it('makes the browser request a password with basicAuth, and opens with the right one', async () => {
    const authorize = basicAuth('admin', 'päss:word');
    const { status, challenge } = await askForChallenge({ authorize });
    expect([status, challenge]).toEqual([401, 'Basic realm="limits", charset="UTF-8"']);
    for (const wrong of ['admin:päss', 'other:päss:word', 'admin:', 'admin', '']) {
      expect(await ask({ authorize }, basic(wrong))).toMatchObject({ status: 401 });
    }
    expect(await ask({ authorize }, { Authorization: 'Bearer x' })).toMatchObject({ status: 401 });
    expect(await ask({ authorize }, basic('admin:päss:word'))).toMatchObject({ status: 200 });
  });

  it.each([undefined, ''])('lets nobody in with basicAuth while the password is %p', async (password) => {
    const authorize = basicAuth('admin', password);
    for (const headers of [{}, basic('admin:'), basic('admin:undefined'), { Authorization: 'Basic ' }]) {
      expect(await ask({ authorize }, headers)).toMatchObject({ status: 403 });
    }
  });

  async function ask(options: DashboardOptions = {}, headers: Record<string, string> = {}) {
    const { status, text } = await askForChallenge(options, headers);
    return { status, text };
  }

  async function askForChallenge(options: DashboardOptions = {}, headers: Record<string, string> = {}) {
    const show = dashboard({}, options);
    await using server = await serve((req, res) => {
      show(req, res, (error) => {
        res.writeHead(500).end(String(error));
      });
    });
    // Not by fetch, which sets the header Host itself.
    const sent = request(server.url + path, { headers, agent: false }).end();
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    const { statusCode: status, headers: answer } = response;
    const challenge = answer['www-authenticate'];
    if (answer['content-type'] === 'text/event-stream') {
      response.destroy();
      return { status, challenge, text: '' };
    }
    const chunks: Buffer[] = [];
    for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
    return { status, challenge, text: Buffer.concat(chunks).toString() };
  }
});

describe('behind a limiter that it shows', () => {
  it('keeps the permit of a request while authorize decides, and of one that it rejects', async () => {
    const api = new Semaphore(2, { queueLimit: 100 });
    let running = 0;
    let most = 0;
    const authorize = async () => {
      most = Math.max(most, ++running);
      await until(() => api.stats().acquired + api.waiting === 40);
      running--;
      return false;
    };
    const app = express().use(limit(api), dashboard({ api }, { authorize }));
    await using server = await serve(app);
    const answers = Array.from({ length: 40 }, () => fetch(`${server.url}/events`));
    for (const { status } of await Promise.all(answers)) expect(status).toBe(403);
    expect(most).toBe(2);
  });

  it('keeps the permit of a request to a path that it does not know', async () => {
    const api = new Semaphore(2, { queueLimit: 100 });
    let most = 0;
    const app = express().use(limit(api), dashboard({ api }, { authorize: () => true }), (_req, res) => {
      most = Math.max(most, api.held);
      res.send('other');
    });
    await using server = await serve(app);
    await fetch(`${server.url}/other`);
    expect(most).toBe(1);
  });

  it('releases the permit of the stream, and of nothing else', async () => {
    const api = new Semaphore(1);
    const held: Record<string, number> = {};
    const show = dashboard({ api }, { authorize: () => true });
    const app = express().use(limit(api), (req, res, next) => {
      res.once('finish', () => (held[req.path] ??= api.held));
      show(req, res, next);
    });
    await using server = await serve(app);
    await (await fetch(server.url)).text();
    const stream = await EventStream.open(`${server.url}/events`);
    await stream.next();
    expect(api.held).toBe(0);
    expect(api.stats().acquired).toBe(2);
    stream.leave();
  });
});

it('cuts off a viewer within seconds after the right to see it is revoked', async () => {
  let isAllowed = true;
  const show = dashboard({ api: new Semaphore(1) }, { authorize: () => isAllowed });
  await using server = await serve(express().use(show));
  const stream = await EventStream.open(`${server.url}/events`);
  isAllowed = false;
  // The page connects again when a stream ends.
  while ((await stream.next()) !== undefined);
  expect(stream.text).toMatch(/event: renew\ndata: \{\}\n\n$/);
  expect((await fetch(`${server.url}/events`)).status).toBe(403);
});

it.each([
  [{ authorize: true }, 'authorize must be a function, got true'],
  [{ maskKey: 'hash' }, 'maskKey must be a function, got "hash"'],
])('names the bad option of %j', (options, message) => {
  expect(() => dashboard({}, options as never)).toThrow(message);
});

it('names an entry that is not a limiter', () => {
  expect(() => dashboard({ api: {} as never })).toThrow(
    'limiters.api must be a limiter, such as new Semaphore(10), got an object',
  );
  expect(() => dashboard(new Semaphore(1) as never)).toThrow(
    'limiters must name each limiter, as in { api }',
  );
});

function basic(credentials: string): Record<string, string> {
  return { Authorization: `Basic ${Buffer.from(credentials).toString('base64')}` };
}

function fail(): never {
  throw new Error('no session');
}
