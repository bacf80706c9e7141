import { createHash } from 'node:crypto';
import connect from 'connect';
import express from 'express';
import { Semaphore } from 'express-semaphore';
import { dashboard } from 'express-semaphore/dashboard';
import { serve } from '../helpers/serve';

const express4 = jest.requireActual<typeof express>('express4');
const show = dashboard({ api: new Semaphore(1) }, { authorize: () => true });

it.each([
  ['Express 5', () => express().use('/limits', show)],
  ['Express 4', () => express4().use('/limits', show)],
  ['Connect', () => connect().use('/limits', show)],
])(
  'is served by %s with and without a slash at the end, and leaves other paths alone',
  async (_host, app) => {
    await using server = await serve(app());
    for (const path of ['/limits', '/limits/', '/limits?x']) {
      const response = await fetch(server.url + path);
      expect(response.status).toBe(200);
      expect(await response.text()).toContain('<title>Limiters</title>');
    }
    expect((await fetch(`${server.url}/limits/page.js`)).status).toBe(404);
    expect((await fetch(`${server.url}/limits/`, { method: 'POST' })).status).toBe(404);
  },
);

it('answers HEAD as GET, without the page', async () => {
  await using server = await serve(express().use(show));
  const [got, head] = await Promise.all([fetch(server.url), fetch(server.url, { method: 'HEAD' })]);
  expect(await head.text()).toBe('');
  expect(head.headers.get('content-length')).toBe(String((await got.arrayBuffer()).byteLength));
});

it('is sent with headers that keep other origins and caches out', async () => {
  await using server = await serve(express().use(show));
  const { headers } = await fetch(server.url);
  expect(Object.fromEntries(headers)).toMatchObject({
    'cross-origin-opener-policy': 'same-origin',
    'x-frame-options': 'SAMEORIGIN',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
  });
});

describe('its policy', () => {
  it('allows only its own style and its own script', async () => {
    const { html, policy } = await read();
    const hashes = Array.from(
      html.matchAll(/<(style|script)[^>]*>(.*?)<\/\1>/gs),
      ([, , text = '']) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`,
    );
    expect(hashes).toHaveLength(2);
    expect(policy.get('default-src')).toBe("'none'");
    expect([policy.get('style-src'), policy.get('script-src')]).toEqual(hashes);
    expect([...policy.values()].join(' ')).not.toMatch(/unsafe|\*|https?:/);
  });

  it('allows connections to its own origin and frames of its own origin, and nothing else', async () => {
    const { policy } = await read();
    expect(policy.get('connect-src')).toBe("'self'");
    expect(policy.get('frame-ancestors')).toBe("'self'");
    expect(policy.get('base-uri')).toBe("'none'");
  });

  it('replaces the policy that the app has set', async () => {
    const app = express();
    app.use((_req, res, next) => {
      res.setHeader('Content-Security-Policy', "script-src 'unsafe-inline'");
      next();
    });
    const { policy } = await read(app);
    expect(policy.get('script-src')).toMatch(/^'sha256-/);
  });
});

it('carries the licence of the library inside', async () => {
  expect((await read()).html).toMatch(/Contains uPlot: .*Leon Sorokin.*Permission is hereby granted/s);
});

async function read(app = express()): Promise<{ html: string; policy: Map<string, string> }> {
  await using server = await serve(app.use(show));
  const response = await fetch(server.url);
  const directives = (response.headers.get('content-security-policy') ?? '').split('; ');
  const policy = new Map(directives.map((each) => each.split(/ (.*)/) as [string, string]));
  return { html: await response.text(), policy };
}
