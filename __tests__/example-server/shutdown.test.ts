import { Agent, request } from 'node:http';
import { readStats } from '../../example-server/read-stats';
import { startServer } from '../../example-server/start-server';
import type { ServerProcess } from '../../example-server/start-server';
import { succeedsOnce, until } from '../helpers/serve';

let server: ServerProcess;

afterEach(async () => {
  await server.stop('SIGKILL');
});

test.each(['SIGTERM', 'SIGINT'] as const)(
  'answers every request and resets no connection on %s under load',
  async (signal) => {
    server = await startServer({ env: { SERVICE_MS: '30' } });
    const seen = new Map<string, number>();
    const clients = Array.from({ length: 40 }, (_, index) => keepAsking(server.url, index, seen));
    await untilServed(server.url, 100);

    expect(await server.stop(signal)).toBe(0);
    await Promise.all(clients);
    for (const outcome of seen.keys()) expect(['200', '429', '503', 'ECONNREFUSED']).toContain(outcome);
    expect(seen.get('ECONNREFUSED')).toBe(40);
    expect(server.output()).toMatch(/stopped\n$/);
  },
);

test('open streams end with the server', async () => {
  server = await startServer({ env: { SERVICE_MS: '1' } });
  const texts: Promise<string>[] = [];
  while (texts.length < 12) texts.push((await fetch(`${server.url}/events`)).text());
  expect(await server.stop()).toBe(0);
  for (const text of await Promise.all(texts)) expect(text).toMatch(/^data: /);
  expect(server.output()).not.toMatch(/warning/i);
});

test('a request on an idle connection is rejected after the signal, not reset', async () => {
  server = await startServer({ env: { SERVICE_MS: '1' } });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  expect(await ask(`${server.url}/users`, agent)).toEqual({
    status: 200,
    connection: 'keep-alive',
  });
  const stopped = server.stop();
  await untilPrinted('waiting for those in flight');
  expect(await ask(`${server.url}/users`, agent)).toEqual({
    status: 503,
    connection: 'close',
  });
  expect(await stopped).toBe(0);
});

test('two signals at once, as from Ctrl+C under npm, count as one', async () => {
  const countAsOne = async (): Promise<boolean> => {
    server = await startServer({ env: { SERVICE_MS: '1500' } });
    const answer = ask(`${server.url}/users`).catch(failureOf);
    await until(async () => (await usersAtWork()) === 1);
    void server.stop('SIGINT');
    await untilPrinted('waiting for those in flight');
    // A busy machine may deliver the second signal so late that it is one of its own.
    if ((await server.stop('SIGINT')) !== 0) return false;
    expect(await answer).toMatchObject({ status: 200 });
    return true;
  };
  expect(await succeedsOnce(countAsOne)).toBe(true);
});

test('answers 503 at /ready after the signal, but serves until load balancers have noticed', async () => {
  server = await startServer({ env: { SERVICE_MS: '1', DRAIN_MS: '3000' } });
  expect(await ask(`${server.url}/ready`)).toMatchObject({ status: 200 });
  const stopped = server.stop();
  // Each of these comes on a connection of its own, as probes do.
  await until(async () => (await ask(`${server.url}/ready`)).status === 503);
  expect(await ask(`${server.url}/users`)).toMatchObject({ status: 200 });
  expect(await stopped).toBe(0);
});

test('queued requests are rejected at once, and running ones are answered', async () => {
  server = await startServer({ env: { SERVICE_MS: '2000' } });
  const agent = new Agent({ keepAlive: true });
  const answers = Array.from({ length: 5 }, () => ask(`${server.url}/users`, agent));
  await until(async () => (await readStats(server.url)).number('limiters', 'users', 'waiting') === 2);
  const stopped = server.stop();
  const rejected = { status: 503, connection: 'close' };
  const served = { status: 200, connection: 'close' };
  expect(await Promise.all(answers.slice(3))).toEqual([rejected, rejected]);
  expect(server.output()).not.toContain('stopped');
  expect(await Promise.all(answers)).toEqual([served, served, served, rejected, rejected]);
  expect(await stopped).toBe(0);
});

test('a request that is not done at the deadline is cut off', async () => {
  server = await startServer({ env: { SERVICE_MS: '60000', DEADLINE_MS: '200' } });
  const failed = ask(`${server.url}/users`).catch(failureOf);
  await until(async () => (await usersAtWork()) === 1);
  expect(await server.stop()).toBe(1);
  expect(server.output()).toContain('not done after 200 ms: stopping at once');
  expect(await failed).toBe('ECONNRESET');
});

test('a later signal exits at once', async () => {
  server = await startServer({ env: { SERVICE_MS: '60000' } });
  const failed = ask(`${server.url}/users`).catch((error: unknown) => error);
  await until(async () => (await usersAtWork()) === 1);
  void server.stop();
  await until(() => {
    void server.stop();
    return server.output().includes('once more: stopping at once');
  });
  expect(await server.exited).toBe(1);
  await failed;
});

/** A client that repeats its request on one connection until the server has gone. */
async function keepAsking(url: string, index: number, seen: Map<string, number>): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const path = ['/users', '/orders', '/me', '/reports/1'][index % 4] ?? '';
  for (;;) {
    const outcome = await ask(url + path, agent).then(({ status }) => String(status), failureOf);
    seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
    if (!/^\d/.test(outcome)) return;
  }
}

function failureOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : String(error);
}

interface Answer {
  readonly status: number | undefined;
  readonly connection: string | undefined;
}

function ask(url: string, agent?: Agent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const req = request(url, { agent, headers: { 'x-api-token': 'alice' } }, (res) => {
      res.resume();
      res.once('error', reject);
      res.once('end', () => {
        resolve({ status: res.statusCode, connection: res.headers.connection });
      });
    });
    req.once('error', reject);
    req.end();
  });
}

async function untilServed(url: string, count: number): Promise<void> {
  await until(async () => (await readStats(url)).number('limiters', 'orders', 'acquired') >= count);
}

async function usersAtWork(): Promise<number> {
  return (await readStats(server.url)).number('limiters', 'users', 'held');
}

function untilPrinted(text: string): Promise<void> {
  return until(() => server.output().includes(text));
}
