import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { IncomingMessage, RequestListener, RequestOptions } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import express from 'express';
import Koa from 'koa';
import { clientKey, KeyedSemaphore, limit, Semaphore } from 'express-semaphore';

function keyOf(ip: unknown, ipv6Prefix?: number): string | undefined {
  return clientKey({ ipv6Prefix })({ ip } as unknown as IncomingMessage);
}

describe('clientKey', () => {
  it.each<[ip: unknown, key: string | undefined, prefix: number | undefined]>([
    ['203.0.113.7', '203.0.113.7', undefined],
    ['::ffff:203.0.113.7', '203.0.113.7', undefined],
    ['2001:db8:1:2ff:3:4:5:6', '2001:db8:1:200::/56', undefined],
    ['2001:db8:1:2ff:3:4:5:6', '2001:db8:1:2ff::/64', 64],
    ['2001:db8::1', '2001:db8::1/128', 128],
    ['fe80::1%eth0', 'fe80::/56', undefined],
    [undefined, undefined, undefined],
    ['', undefined, undefined],
    ['unknown', undefined, undefined],
    ['203.0.113.7, 10.0.0.1', undefined, undefined],
    // As proxies write them.
    ['203.0.113.7:51234', '203.0.113.7', undefined],
    ['[2001:db8:1:2ff:3:4:5:6]:443', '2001:db8:1:200::/56', undefined],
    ['[2001:db8:1:2ff:3:4:5:6]', '2001:db8:1:200::/56', undefined],
    ['[::ffff:203.0.113.7]:443', '203.0.113.7', undefined],
    ['203.0.113.7:', undefined, undefined],
    // Forms that only inet_aton reads.
    ['1', undefined, undefined],
    ['203.0.113', undefined, undefined],
    ['0xcb007107', undefined, undefined],
    ['0313.0.0113.07', undefined, undefined],
    ['[203.0.113.7', undefined, undefined],
    // NAT64: one IPv4 client each, not one client in all.
    ['64:ff9b::203.0.113.7', '203.0.113.7', undefined],
    ['64:ff9b::cb00:7108', '203.0.113.8', undefined],
    ['64:ff9b:1::cb00:7108', '64:ff9b:1::/56', undefined],
    ['::ffff:0:203.0.113.7', '203.0.113.7', undefined],
  ])('makes of %p the key %p', (ip, key, prefix) => {
    expect(keyOf(ip, prefix)).toBe(key);
  });

  it.each<[prefix: unknown, error: Error]>([
    [0, new RangeError('ipv6Prefix must be an integer from 1 to 128, got 0')],
    [129, new RangeError('ipv6Prefix must be an integer from 1 to 128, got 129')],
    ['64', new TypeError('ipv6Prefix must be a number, got "64"')],
  ])('throws for a prefix of %p', (prefix, error) => {
    expect(() => clientKey({ ipv6Prefix: prefix as number })).toThrow(error);
  });
});

describe('the option address', () => {
  it('gives the address where the host keeps the trusted one elsewhere', () => {
    const key = clientKey({ address: (req: IncomingMessage & { trusted?: string }) => req.trusted });
    expect(key({ trusted: '203.0.113.7:443', ip: '10.0.0.1' } as never)).toBe('203.0.113.7');
    expect(key({ ip: '10.0.0.1' } as never)).toBeUndefined();
  });

  it('keeps the clients of a Koa app behind a trusted proxy apart', async () => {
    const app = new Koa();
    app.proxy = true;
    const addresses = new WeakMap<IncomingMessage, string>();
    const keyOfContext = clientKey({ address: (req) => addresses.get(req) });
    app.use((context) => {
      addresses.set(context.req, context.ip);
      context.body = keyOfContext(context.req);
    });
    const headers = { 'X-Forwarded-For': '203.0.113.7' };
    expect(await answerTo(app.callback() as RequestListener, { headers })).toBe('203.0.113.7');
  });

  it('must be a function', () => {
    expect(() => clientKey({ address: '10.0.0.1' as never })).toThrow('address must be a function');
  });
});

describe('the key of a real request', () => {
  it('comes from the connection where the host sets no address', async () => {
    expect(await answerTo(answerKey, {})).toBe('127.0.0.1');
  });

  it('trusts X-Forwarded-For only as trust proxy says', async () => {
    const headers = { 'X-Forwarded-For': '2001:db8:1:2ff::5, 203.0.113.7' };
    const keys = await Promise.all(
      [false, 1, 2].map((trust) => {
        const app = express().set('trust proxy', trust).use(answerKey);
        return answerTo(app, { headers });
      }),
    );
    expect(keys).toEqual(['127.0.0.1', '203.0.113.7', '2001:db8:1:200::/56']);
  });

  it('is undefined where a trusted proxy sent no valid address', async () => {
    const app = express().set('trust proxy', true).use(answerKey);
    expect(await answerTo(app, { headers: { 'X-Forwarded-For': 'unknown' } })).toBe('undefined');
  });

  it('fails closed behind a proxy that sent no address, with an error that says so', async () => {
    const keyed = new KeyedSemaphore(() => new Semaphore(1));
    const app = express().set('trust proxy', true).set('env', 'test');
    app.use(limit(keyed, { key: clientKey() }), answerKey);
    const answer = await answerTo(app, { headers: { 'X-Forwarded-For': 'unknown' } });
    expect(answer).toMatch(/what key returns must be a string, got undefined: clientKey found no address/);
    expect(keyed.size).toBe(0);
  });

  it('is undefined for a request that no connection brought', () => {
    expect(clientKey()({ headers: {} } as unknown as IncomingMessage)).toBeUndefined();
  });

  it('is undefined on a Unix socket', async () => {
    const socketPath = join(tmpdir(), `express-semaphore-${process.pid}.sock`);
    expect(await answerTo(answerKey, { socketPath })).toBe('undefined');
    expect(await answerTo(express().use(answerKey), { socketPath })).toBe('undefined');
  });
});

const key = clientKey();

function answerKey(req: IncomingMessage, res: { end(text: string): unknown }): void {
  res.end(String(key(req)));
}

/** What `listener` answers to one request, on a Unix socket if `options` say so. */
async function answerTo(listener: RequestListener, options: RequestOptions): Promise<string> {
  const server = createServer(listener);
  if (typeof options.socketPath === 'string') server.listen(options.socketPath);
  else server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = Object(server.address()) as AddressInfo;
  const sent = request({ host: '127.0.0.1', port, agent: false, ...options }).end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  const answer = await text(response);
  server.close();
  await once(server, 'close');
  return answer;
}
