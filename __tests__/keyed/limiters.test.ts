// The dashboard, metrics and `gracefulShutdown` take the same object or list of limiters.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { gracefulShutdown, KeyedSemaphore, Semaphore } from 'express-semaphore';
import { registerMetrics } from 'express-semaphore/prometheus';
import client from 'prom-client';
import { FrameReader } from '../../lib/dashboard/read-frame';

const api = new Semaphore(2, { name: 'api' });
const nameless = new Semaphore(3);
const perUser = new KeyedSemaphore(() => new Semaphore(1));

it.each([
  ['an object by their keys', { first: api, second: nameless, perUser }, ['first', 'second', 'perUser']],
  ['a list by their own names, or else by their index', [api, nameless, perUser], ['api', '1', '2']],
])('shows the limiters of %s on the dashboard', (_what, limiters, names) => {
  const frame = new FrameReader(limiters, undefined).read();
  expect(frame.limiters.map((each) => each.name)).toEqual(names);
});

it('exports the limiters of a list', async () => {
  const registry = new client.Registry();
  const remove = registerMetrics(client, [api, new Semaphore(3)], { registry });
  const text = await registry.metrics();
  remove();
  expect(text).toContain('express_semaphore_permit_limit{limiter="api"} 2\n');
  expect(text).toContain('express_semaphore_permit_limit{limiter="1"} 3\n');
});

it.each([
  ['an object', (last: Semaphore) => ({ last })],
  ['a list', (last: Semaphore) => [last]],
])('closes the limiters of %s on shutdown', async (_what, limitersOf) => {
  const last = new Semaphore(1);
  const server = createServer();
  const shutDown = gracefulShutdown(server, limitersOf(last));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  expect(await shutDown()).toBe(true);
  expect(last.closed).toBe(true);
});
