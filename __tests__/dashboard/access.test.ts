import type { IncomingMessage } from 'node:http';
import { Semaphore } from 'express-semaphore';
import { dashboard } from 'express-semaphore/dashboard';
import type { DashboardOptions } from 'express-semaphore/dashboard';
import { serve } from '../helpers/serve';

const { NODE_ENV } = process.env;

afterEach(() => {
  process.env['NODE_ENV'] = NODE_ENV;
});

const asks = [
  { what: 'the page', method: 'GET', path: '/' },
  { what: 'its stream', method: 'GET', path: '/events' },
  { what: 'its controls', method: 'PUT', path: '/controls?id=button' },
];

describe.each(asks)('$what', ({ method, path }) => {
  it.each(['production', 'test', 'staging', ''])('is closed while NODE_ENV is "%s"', async (env) => {
    process.env['NODE_ENV'] = env;
    expect(await ask()).toEqual({
      status: 403,
      text: expect.stringContaining('give it authorize(req)') as string,
    });
  });

  it('is closed while there is no NODE_ENV', async () => {
    delete process.env['NODE_ENV'];
    expect(await ask()).toMatchObject({ status: 403 });
  });

  it('is open in development', async () => {
    process.env['NODE_ENV'] = 'development';
    expect((await ask()).status).toBeLessThan(300);
  });

  it('is open to those whom authorize lets in, and to nobody else, in development, too', async () => {
    process.env['NODE_ENV'] = 'development';
    const authorize = (req: IncomingMessage) => req.headers['x-token'] === 'right';
    expect((await ask({ authorize }, { 'X-Token': 'right' })).status).toBeLessThan(300);
    expect(await ask({ authorize }, { 'X-Token': 'wrong' })).toMatchObject({ status: 403 });
  });

  it('waits for the promise that authorize returns', async () => {
    expect((await ask({ authorize: () => Promise.resolve(true) })).status).toBeLessThan(300);
    expect(await ask({ authorize: () => Promise.resolve(false) })).toMatchObject({ status: 403 });
  });

  it.each([
    ['throws', () => fail()],
    ['rejects', () => Promise.reject(new Error('no session'))],
    ['returns what is neither true nor false', () => ({ id: 'alice' }) as never],
  ])('is an error if authorize %s', async (_how, authorize) => {
    const { status, text } = await ask({ authorize });
    expect(status).toBe(500);
    expect(text).toMatch(/no session|what authorize returns must be a boolean, got an object/);
  });

  async function ask(
    options: DashboardOptions = {},
    headers: Record<string, string> = {},
  ): Promise<{ status: number; text: string }> {
    const button = { type: 'button', label: 'Press', press: () => undefined } as const;
    const show = dashboard({}, { ...options, controls: { button } });
    await using server = await serve((req, res) => {
      show(req, res, (error) => {
        res.writeHead(500).end(String(error));
      });
    });
    const response = await fetch(server.url + path, { method, headers });
    if (response.headers.get('content-type') !== 'text/event-stream') {
      return { status: response.status, text: await response.text() };
    }
    await response.body?.cancel();
    return { status: response.status, text: '' };
  }
});

it.each([
  [{ authorize: true }, 'authorize must be a function, got true'],
  [{ maskKey: 'hash' }, 'maskKey must be a function, got "hash"'],
  [
    { controls: { a: { type: 'knob' } } },
    'controls.a.type must be range, choice, switch, button or reading, got "knob"',
  ],
  [{ controls: { a: { type: 'button' } } }, 'controls.a.label must be a string, got undefined'],
  [{ controls: { a: { type: 'button', label: 'a' } } }, 'controls.a.press must be a function, got undefined'],
  [{ controls: { a: { type: 'reading', label: 'a' } } }, 'controls.a.get must be a function, got undefined'],
  [
    { controls: { a: { type: 'switch', label: 'a', get: () => true } } },
    'controls.a.set must be a function, got undefined',
  ],
  [
    { controls: { a: { type: 'range', label: 'a', min: 3, max: 2 } } },
    'controls.a.max must be an integer of at least 3, got 2',
  ],
])('names the bad option of %j', (options, message) => {
  expect(() => dashboard({}, options as never)).toThrow(message);
});

it('names what is no limiter', () => {
  expect(() => dashboard({ api: {} as never })).toThrow(
    'limiters.api must be a limiter, such as new Semaphore(10), got an object',
  );
  expect(() => dashboard(new Semaphore(1) as never)).toThrow(
    'limiters must name each limiter, as in { api }',
  );
});

function fail(): never {
  throw new Error('no session');
}
