import { channel } from 'node:diagnostics_channel';
import * as client from 'prom-client';
import { KeyedSemaphore, Semaphore } from 'express-semaphore';
import { registerMetrics } from 'express-semaphore/prometheus';
import { FakeClock } from 'express-semaphore/testing';
import { turn, watch } from '../helpers/watch';

let registry: client.Registry;
let remove: () => void;

beforeEach(() => {
  registry = new client.Registry();
});

afterEach(() => {
  remove();
});

it('exports the stats of each limiter at each scrape', async () => {
  const api = new Semaphore(2, { name: 'api', queueLimit: 1 });
  const perUser = new KeyedSemaphore(() => new Semaphore(3), { name: 'per user' });
  remove = registerMetrics(client, { api, perUser }, { registry });
  const held = api.tryAcquire({ weight: 2 });
  perUser.tryAcquire('alice', { weight: 3 })?.release('overload');
  watch(api.acquire());
  watch(api.acquire());
  watch(api.acquire({ signal: AbortSignal.abort() }));

  const busy = await scrape();
  expect(busy).toMatchObject({
    'express_semaphore_permit_limit{limiter="api"}': 2,
    'express_semaphore_permit_usage{limiter="api"}': 2,
    'express_semaphore_waiters{limiter="api"}': 1,
    'express_semaphore_acquisitions_total{limiter="api"}': 1,
    'express_semaphore_rejections_total{limiter="api",code="ERR_SEMAPHORE_QUEUE_FULL"}': 1,
    'express_semaphore_rejections_total{limiter="api",code="ERR_SEMAPHORE_CLOSED"}': 0,
    'express_semaphore_aborts_total{limiter="api"}': 1,
    'express_semaphore_permit_usage{limiter="per user"}': 0,
    'express_semaphore_releases_total{limiter="per user",outcome="overload"}': 1,
    'express_semaphore_keys{limiter="per user"}': 1,
    'express_semaphore_busy_keys{limiter="per user"}': 0,
  });
  expect(busy).not.toHaveProperty(['express_semaphore_permit_limit{limiter="per user"}']);
  expect(busy).not.toHaveProperty(['express_semaphore_keys{limiter="api"}']);

  held?.release();
  expect(await scrape()).toMatchObject({
    'express_semaphore_permit_usage{limiter="api"}': 1,
    'express_semaphore_acquisitions_total{limiter="api"}': 2,
    'express_semaphore_releases_total{limiter="api",outcome="success"}': 1,
  });
});

it('has histograms of waits and holds, in seconds', async () => {
  const clock = new FakeClock();
  const api = new Semaphore(1, { name: 'api', clock });
  const other = new Semaphore(1, { name: 'other', clock });
  remove = registerMetrics(client, { api }, { registry });
  other.tryAcquire()?.release();
  const first = api.tryAcquire();
  const [second, late] = [api.acquire(), watch(api.acquire({ maxWaitMs: 300 }))];
  clock.advance(200);
  first?.release();
  (await second).hold(turn());
  clock.advance(100);
  await turn();
  expect(late.state).toBe('rejected');
  expect(await scrape()).toMatchObject({
    'express_semaphore_wait_duration_seconds_bucket{le="0.1",limiter="api"}': 0,
    'express_semaphore_wait_duration_seconds_bucket{le="0.25",limiter="api"}': 1,
    'express_semaphore_wait_duration_seconds_bucket{le="0.5",limiter="api"}': 2,
    'express_semaphore_wait_duration_seconds_sum{limiter="api"}': 0.5,
    'express_semaphore_wait_duration_seconds_count{limiter="api"}': 2,
    'express_semaphore_hold_duration_seconds_sum{limiter="api"}': 0.2,
    'express_semaphore_hold_duration_seconds_count{limiter="api"}': 1,
  });
  expect(await registry.metrics()).not.toContain('other');
});

it('exports keys only with topKeys', async () => {
  const perUser = new KeyedSemaphore(() => new Semaphore(2, { queueLimit: 0 }), { name: 'per user' });
  const hold = (key: string, weight: number) => perUser.tryAcquire(key, { weight });
  const permits = [hold('"alice"\n', 2), hold('bob', 1)];
  watch(perUser.acquire('"alice"\n'));
  remove = registerMetrics(client, { perUser }, { registry });
  expect(await registry.metrics()).not.toMatch(/alice|bob/);
  remove();

  remove = registerMetrics(client, { perUser }, { registry, topKeys: 1 });
  expect(await scrape()).toMatchObject({
    'express_semaphore_key_permit_usage{limiter="per user",key="\\"alice\\"\\n"}': 2,
    'express_semaphore_key_rejections_total{limiter="per user",key="\\"alice\\"\\n"}': 1,
  });
  for (const permit of permits) permit?.release();
  hold('carol', 1);
  const next = Object.keys(await scrape());
  expect(next.filter((name) => name.startsWith('express_semaphore_key_permit_usage'))).toEqual([
    'express_semaphore_key_permit_usage{limiter="per user",key="carol"}',
  ]);
});

it('uses the default registry of prom-client, and removes its metrics from it', async () => {
  remove = registerMetrics(client, { api: new Semaphore(1) });
  expect(await client.register.metrics()).toContain('express_semaphore_waiters{limiter="api"} 0');
  remove();
  expect(await client.register.metrics()).toBe('\n');
});

it('exports OpenMetrics to a registry of that format', async () => {
  const open = new client.Registry<client.OpenMetricsContentType>();
  open.setContentType(client.Registry.OPENMETRICS_CONTENT_TYPE);
  const api = new Semaphore(1, { name: 'api' });
  api.tryAcquire();
  remove = registerMetrics(client, { api }, { registry: open });
  expect(await open.metrics()).toContain(
    '# TYPE express_semaphore_acquisitions counter\nexpress_semaphore_acquisitions_total{limiter="api"} 1\n',
  );
});

it('names a limiter after its key if it has no name, in metrics and in events', async () => {
  const [api, named] = [new Semaphore(1), new Semaphore(1, { name: 'search' })];
  remove = registerMetrics(client, { api, other: named }, { registry });
  api.tryAcquire()?.release();
  await turn();
  expect([api.name, named.name]).toEqual(['api', 'search']);
  expect(await scrape()).toMatchObject({
    'express_semaphore_permit_limit{limiter="api"}': 1,
    'express_semaphore_permit_limit{limiter="search"}': 1,
    'express_semaphore_hold_duration_seconds_count{limiter="api"}': 1,
  });
});

it('rejects two limiters of one name, and names none then', () => {
  remove = () => undefined;
  const first = new Semaphore(1);
  const twins = { api: first, other: new Semaphore(1, { name: 'api' }) };
  expect(() => registerMetrics(client, twins, { registry })).toThrow(
    new TypeError('limiters.other must have a name of its own, got "api"'),
  );
  expect(first.name).toBeUndefined();
  expect(() => registerMetrics(client, {}, { registry, topKeys: -1 })).toThrow(RangeError);
  expect(registry.getMetricsAsArray()).toEqual([]);
});

it('labels the limit of a fleet, so that it is not summed over processes', async () => {
  const shared = new SharedSemaphore(10, { name: 'orders' });
  const local = new Semaphore(3, { name: 'users' });
  remove = registerMetrics(client, { shared, local }, { registry });
  const samples = await scrape();
  expect(samples).toMatchObject({
    'express_semaphore_permit_limit{limiter="orders",scope="fleet"}': 10,
    'express_semaphore_permit_limit{limiter="users"}': 3,
    'express_semaphore_permit_usage{limiter="orders"}': 0,
    'express_semaphore_fleet_permit_usage{limiter="orders",scope="fleet"}': 9,
    'express_semaphore_fleet_waiters{limiter="orders",scope="fleet"}': 4,
    'express_semaphore_fleet_nodes{limiter="orders",scope="fleet"}': 3,
    'express_semaphore_backend_up{limiter="orders"}': 1,
  });
  shared.fleet = undefined;
  expect(Object.keys(await scrape()).filter((name) => name.includes('fleet'))).toEqual([
    'express_semaphore_permit_limit{limiter="orders",scope="fleet"}',
  ]);
});

it.each(['acquire', 'reject', 'release'])('listens to %s until it is removed', (event) => {
  const { hasSubscribers: hadSubscribers } = channel(`express-semaphore:${event}`);
  const stop = registerMetrics(client, { api: new Semaphore(1) }, { registry });
  remove = stop;
  expect([hadSubscribers, channel(`express-semaphore:${event}`).hasSubscribers]).toEqual([false, true]);
  stop();
  expect(channel(`express-semaphore:${event}`).hasSubscribers).toBe(false);
});

/** A limiter with the stats of a limiter in Redis. */
class SharedSemaphore extends Semaphore {
  fleet: { held: number; waiting: number; nodes: number } | undefined = { held: 9, waiting: 4, nodes: 3 };

  override stats() {
    return { ...super.stats(), fleet: this.fleet, backend: 'up' as const };
  }
}

/** Every sample by its name and labels, as Prometheus reads it. */
async function scrape(): Promise<Record<string, number>> {
  const lines = (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(
    lines.map((line) => {
      const end = line.lastIndexOf(' ');
      return [line.slice(0, end), Number(line.slice(end))];
    }),
  );
}
