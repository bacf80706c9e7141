import { startServer } from '../../example-server/start-server';
import type { ServerProcess } from '../../example-server/start-server';
import { until } from '../helpers/serve';

let server: ServerProcess;

beforeAll(async () => {
  server = await startServer({ env: { SERVICE_MS: '50' } });
});

afterAll(async () => {
  await server.stop();
});

test('/metrics has the stats of the limiters and shows no key', async () => {
  const ask = (path: string, token: string) =>
    fetch(server.url + path, { headers: { 'x-api-token': token } }).then(({ status }) => status);
  await scrape(); // from now on durations are measured
  const users = await Promise.all(Array.from({ length: 12 }, () => ask('/users', 'alice')));
  await Promise.all([ask('/me', 'secret token'), ask('/me', 'secret token')]);
  const rejected = users.filter((status) => status === 503).length;
  expect(rejected).toBe(3);

  await until(async () => (await scrape()).get('express_semaphore_permit_usage{limiter="app"}') === 0);
  const samples = await scrape();
  const read = (name: string) => samples.get(name);
  expect(read('express_semaphore_permit_limit{limiter="users"}')).toBe(3);
  expect(read('express_semaphore_acquisitions_total{limiter="users"}')).toBe(9);
  expect(read('express_semaphore_rejections_total{limiter="users",code="ERR_SEMAPHORE_QUEUE_FULL"}')).toBe(3);
  expect(read('express_semaphore_hold_duration_seconds_count{limiter="users"}')).toBe(9);
  expect(read('express_semaphore_wait_duration_seconds_count{limiter="users"}')).toBe(6);
  expect(read('express_semaphore_wait_duration_seconds_sum{limiter="users"}')).toBeGreaterThan(0.1);
  expect(read('express_semaphore_keys{limiter="perUser"}')).toBe(1);
  expect([...samples.keys()].join()).not.toContain('secret');
});

async function scrape(): Promise<Map<string, number>> {
  const response = await fetch(`${server.url}/metrics`);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain;.*version=0\.0\.4/);
  const lines = (await response.text()).split('\n').filter((line) => /^\w/.test(line));
  return new Map(lines.map((line) => [line.replace(/ \S+$/, ''), Number(line.split(' ').at(-1))]));
}
