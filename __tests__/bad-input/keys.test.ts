import express from 'express';
import type { ErrorRequestHandler } from 'express';
import { clientKey, KeyedSemaphore, limit, Semaphore } from 'express-semaphore';
import { dashboard } from 'express-semaphore/dashboard';
import { RawClient, serve } from '../helpers/serve';
import { collectWarnings } from '../helpers/warnings';
import { HOSTILE } from './kinds';

/** Keys as users, tenants and addresses can be made to be. */
const KEYS = [
  ...[
    '',
    ' ',
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    'valueOf',
    'then',
    'length',
    '0',
    '-0',
  ],
  ...['\0', 'a\0b', '\ud800', '\udc00', '\ufffd', 'é', 'e\u0301', '😀', '\u202e', 'x'.repeat(15_000)],
  ...['x'.repeat(14_999) + 'y', 'a\r\nSet-Cookie: b', '<script>', '{tag}', '${key}', '../..', 'fe80::1%eth0'],
];

const PROTOTYPE = Reflect.ownKeys(Object.prototype);

beforeEach(() => {
  collectWarnings();
});

afterEach(() => {
  expect(Reflect.ownKeys(Object.prototype)).toEqual(PROTOTYPE);
  jest.restoreAllMocks();
});

describe('a hostile key', () => {
  it('is a key like any other, with a limit of its own', async () => {
    const made: string[] = [];
    const keyed = new KeyedSemaphore((key) => {
      made.push(key);
      return new Semaphore(1);
    });
    const permits = await Promise.all(KEYS.map((key) => keyed.acquire(key)));
    expect(made).toEqual(KEYS);
    expect([...keyed].map(([key]) => key)).toEqual(KEYS);
    expect(keyed.top('held', 100).map(({ key }) => key)).toEqual(KEYS);
    for (const key of KEYS) {
      expect(keyed.tryAcquire(key)).toBeUndefined();
      expect(keyed.stats(key)).toMatchObject({ held: 1, waiting: 0 });
    }
    for (const permit of permits) permit.release();
    expect(keyed.stats()).toMatchObject({ held: 0, waiting: 0, keys: KEYS.length, busyKeys: 0 });
    for (const key of KEYS) keyed.tryAcquire(key)?.release();
    expect(made).toEqual(KEYS);
  });

  it('is a flow like any other, with turns of its own', async () => {
    const semaphore = new Semaphore(1, { order: 'fair' });
    const first = await semaphore.acquire();
    const served: string[] = [];
    const turns = [...KEYS, ...KEYS].map((flow) => semaphore.run(() => served.push(flow), { flow }));
    first.release();
    await Promise.all(turns);
    expect(served).toEqual([...KEYS, ...KEYS]);
    expect(semaphore).toMatchObject({ held: 0, waiting: 0 });
  });

  it('is shown by the dashboard', async () => {
    const keyed = new KeyedSemaphore(() => new Semaphore(1));
    for (const key of KEYS) keyed.tryAcquire(key);
    const limiters = Object.fromEntries(KEYS.map((key) => [key, keyed]));
    await using server = await serve(
      express()
        .set('env', 'test')
        .use(dashboard(limiters, { authorize: () => true })),
    );
    const events = await fetch(`${server.url}/events`);
    for await (const chunk of (events.body ?? []) as AsyncIterable<Uint8Array>) {
      expect(new TextDecoder().decode(chunk)).toContain('"name":"__proto__"');
      break;
    }
  });

  it.each(['/%00', '/__proto__', '//events', '/..%2fcontrols', '/%ud800', '/events/../controls', '*', '/%'])(
    'in the path %s of the dashboard leads nowhere',
    async (path) => {
      await using server = await serve((req, res) => {
        dashboard({}, { authorize: () => true })(req, res, () => res.writeHead(404).end());
      });
      const client = await RawClient.connect(server.port);
      client.socket.write(`PUT ${path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n`);
      await client.receives('HTTP/1.1 404');
    },
  );
});

describe('a garbled address', () => {
  /** What is sent as X-Forwarded-For, and the key that it makes. */
  const CHAINS: readonly [string, string | undefined][] = [
    ['192.0.2.1', '192.0.2.1'],
    ['evil, 192.0.2.1', '192.0.2.1'],
    ['__proto__', undefined],
    ['192.0.2.1, __proto__', undefined],
    ['192.0.2.1:80', '192.0.2.1'],
    ['[2001:db8::1]:80', '2001:db8::/56'],
    ['[2001:db8::1]', '2001:db8::/56'],
    ['2001:db8::1', '2001:db8::/56'],
    ['2001:DB8:0:0::1', '2001:db8::/56'],
    ['2001:db8::1%eth0', '2001:db8::/56'],
    ['fe80::1%25eth0', 'fe80::/56'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::ffff:c000:201', '192.0.2.1'],
    ['256.1.1.1', undefined],
    ['1.2.3.4.5', undefined],
    ['1.2.3.4/8', undefined],
    [':'.repeat(5_000), undefined],
    ['1:'.repeat(5_000), undefined],
    ['9'.repeat(5_000), undefined],
    ['x'.repeat(15_000), undefined],
    [Array<string>(700).fill('192.0.2.1').join(', '), '192.0.2.1'],
    [',,,', '127.0.0.1'],
    ['unknown', undefined],
    ['_hidden', undefined],
  ];

  it.each(CHAINS)('is the key of its client or an error: %#', async (chain, key) => {
    const keyed = new KeyedSemaphore(() => new Semaphore(1));
    const app = express().set('env', 'test').set('trust proxy', 1);
    app.use(limit(keyed, { key: clientKey() }), (_req, res) => res.send('ok'));
    await using server = await serve(app);
    const answer = await fetch(server.url, { headers: { 'X-Forwarded-For': chain } });
    expect(answer.status).toBe(key === undefined ? 500 : 200);
    expect([...keyed].map(([one]) => one)).toEqual(key === undefined ? [] : [key]);
    expect(keyed.stats()).toMatchObject({ held: 0, waiting: 0 });
  });
});

describe('what a function of limit returns', () => {
  const TYPES = { weight: 'number', priority: 'number', flow: 'string', skip: 'boolean', key: 'string' };

  it.each(Object.entries(TYPES))(
    'is plain data or a clear error, and holds nothing: %s',
    async (name, type) => {
      let value: unknown;
      const limiter = name === 'key' ? new KeyedSemaphore(() => new Semaphore(3)) : new Semaphore(3);
      const app = express().set('env', 'test');
      if (limiter instanceof Semaphore) app.use(limit(limiter, { [name]: () => value }));
      else app.use(limit(limiter, { key: () => value as string }));
      app.use((_req, res) => {
        res.send('ok');
      });
      app.use(answerError);
      await using server = await serve(app);
      for (const hostile of HOSTILE) {
        value = hostile;
        const answer = await (await fetch(server.url)).text();
        const isFine = answer === 'ok';
        if (!isFine)
          expect(answer).toMatch(new RegExp(`^(Type|Range)Error: (what )?${name}.* must be .*, got `));
        if (typeof hostile !== type && hostile !== undefined)
          expect([hostile, isFine]).toEqual([hostile, false]);
        expect(limiter.stats()).toMatchObject({ held: 0, waiting: 0 });
      }
    },
  );

  const answerError: ErrorRequestHandler = (error: unknown, _req, res, next) => {
    if (error instanceof Error) res.status(500).send(`${error.name}: ${error.message}`);
    else next(error);
  };
});
