import { createApp } from '../../example-server/app';
import { createLimiters } from '../../example-server/limiters';
import { readStats } from '../../example-server/read-stats';
import { startServer } from '../../example-server/start-server';
import { Work } from '../../example-server/work';
import { ORDER_NAMES } from '../../lib/orders';
import { serve, until } from '../helpers/serve';

test.each(ORDER_NAMES)('ORDER=%s serves', async (order) => {
  await using server = await serve(
    createApp({ limiters: createLimiters(undefined, { order }), work: new Work(undefined, 1) }),
  );
  const statuses = await Promise.all(
    Array.from({ length: 6 }, async () => (await fetch(`${server.url}/users`)).status),
  );
  expect(new Set(statuses)).toEqual(new Set([200]));
});

test('names an order that does not exist', () => {
  expect(() => createLimiters(undefined, { order: 'random' })).toThrow(
    'order must be one of fifo, lifo, adaptive-lifo, priority, fair, got random',
  );
});

test('ADAPTIVE=1 and ORDER take effect, and POST /slow?ms= shows in /stats', async () => {
  const server = await startServer({ env: { SERVICE_MS: '1', ADAPTIVE: '1', ORDER: 'priority' } });
  try {
    const statsOf = async (name: string) => (await readStats(server.url)).number('limiters', 'users', name);
    expect(await statsOf('permits')).toBe(5);
    await fetch(`${server.url}/users`);
    expect((await fetch(`${server.url}/slow?ms=never`, { method: 'POST' })).status).toBe(400);
    expect(await (await fetch(`${server.url}/slow?ms=60`, { method: 'POST' })).json()).toEqual({
      serviceMs: 60,
    });
    await fetch(`${server.url}/users`);
    const hold = (await readStats(server.url)).number('limiters', 'users', 'hold', 'maxMs');
    expect(hold).toBeGreaterThanOrEqual(55);
  } finally {
    await server.stop();
  }
});

test('a token of high priority goes first', async () => {
  const order: string[] = [];
  const limiters = createLimiters(undefined, { order: 'priority' });
  const permits = [limiters.users.tryAcquire(), limiters.users.tryAcquire(), limiters.users.tryAcquire()];
  await using server = await serve(createApp({ limiters, work: new Work(() => Promise.resolve()) }));
  const ask = async (token: string): Promise<void> => {
    await fetch(`${server.url}/users`, { headers: { 'x-api-token': token } });
    order.push(token);
  };
  const plain = ask('plain');
  await until(() => limiters.users.waiting === 1);
  const operator = ask('operator');
  await until(() => limiters.users.waiting === 2);
  permits[0]?.release();
  await Promise.all([plain, operator]);
  expect(order).toEqual(['operator', 'plain']);
});
