import { seeded } from '../helpers/random';
import { ServerUnderFire } from './server-under-fire';

const exchanges = Number(process.env['STEPS'] ?? 1_000);

/** What each kind of handler is limited to. */
const LIMITS: Record<string, number> = {
  users: 3,
  orders: 10,
  // 2 for each of two users.
  me: 4,
  reports: 2,
  events: 2,
  exports: 1,
  faults: 4,
  endless: 3,
  upgrades: 2,
  ...Object.fromEntries(['a', 'b', 'c', 'd', 'e'].map((key) => [`key ${key}`, 1])),
};

test('clients that play every trick exceed no limit and leave no permit, waiter, connection or memory behind', async () => {
  const random = seeded();
  await using server = await ServerUnderFire.start();
  // Until code is compiled and caches are filled, memory grows without a leak.
  await server.fire(random, 300);
  const before = await server.settle();
  await server.fire(random, exchanges);
  const after = await server.settle();
  const grown = Math.round((after.heapBytes - before.heapBytes) / 1_000);
  console.info(`${after.responses} responses, heap ${grown} kB above the start`);

  expect(after).toMatchObject({ quiet: true, held: 0, waiting: 0, connections: 0, strayed: 0 });
  expect(after.complaints).toEqual([]);
  for (const [name, { highest }] of Object.entries(after.handlers)) {
    expect({ name, highest: Math.min(highest, LIMITS[name] ?? 0) }).toEqual({ name, highest });
  }
  expect(Object.keys(after.handlers).sort()).toEqual(Object.keys(LIMITS).sort());
  expect(after.kept).toBeLessThanOrEqual(5);
  expect(after.heapBytes - before.heapBytes).toBeLessThan(8_000_000);
}, 3_600_000);
