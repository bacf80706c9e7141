import { execFile } from 'node:child_process';
import { Agent, request } from 'node:http';
import { promisify } from 'node:util';
import { startServer } from '../../example-server/start-server';
import type { ServerProcess } from '../../example-server/start-server';

const shell = promisify(execFile);

let server: ServerProcess;

afterEach(async () => {
  await server.stop('SIGKILL');
});

test('prints three curl lines that work', async () => {
  server = await startServer({ SERVICE_MS: '20' });
  const lines = server.output().match(/^ {2}curl .*$/gm) ?? [];
  expect(lines).toHaveLength(3);
  const [first, second, third] = await Promise.all(lines.map((line) => shell('sh', ['-c', line])));
  expect(first?.stdout).toContain('HTTP/1.1 200 OK');
  expect(second?.stdout).toMatch(/^((200|503) ){20}$/);
  expect(third?.stdout).toContain('"held":');
});

test.each(['SIGTERM', 'SIGINT'] as const)(
  'answers all and resets none on %s under load',
  async (signal) => {
    server = await startServer({ SERVICE_MS: '30' });
    const seen = new Map<string, number>();
    const clients = Array.from({ length: 40 }, (_, index) => keepAsking(server.url, index, seen));
    await untilServed(server.url, 100);

    expect(await server.stop(signal)).toBe(0);
    await Promise.all(clients);
    for (const outcome of seen.keys()) expect(['200', '429', '503', 'ECONNREFUSED']).toContain(outcome);
    expect(seen.get('ECONNREFUSED')).toBe(40);
    expect(server.output()).toMatch(/stopped\n$/);
  },
  30_000,
);

test('a stream that is open ends with the server', async () => {
  server = await startServer({ SERVICE_MS: '1' });
  const response = await fetch(`${server.url}/events`);
  const text = response.text();
  expect(await server.stop()).toBe(0);
  expect(await text).toMatch(/^data: /);
});

test('a request on a connection that idles when the signal comes is refused, not reset', async () => {
  server = await startServer({ SERVICE_MS: '1' });
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

test('a second signal forces the stop', async () => {
  server = await startServer({ SERVICE_MS: '60000' });
  const failed = ask(`${server.url}/users`).catch((error: unknown) => error);
  while ((await runningUsers()) !== 1);
  void server.stop();
  await untilPrinted('waiting for those in flight');
  expect(await server.stop()).toBe(1);
  await failed;
});

/** A client that asks again as soon as it has an answer, over a connection that it keeps, until the server has gone. */
async function keepAsking(url: string, index: number, seen: Map<string, number>): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const path = ['/users', '/orders', '/me', '/reports/1'][index % 4] ?? '';
  for (;;) {
    const outcome = await ask(url + path, agent).then(
      ({ status }) => String(status),
      (error: unknown) => (error as NodeJS.ErrnoException).code ?? String(error),
    );
    seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
    if (!/^\d/.test(outcome)) return;
  }
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
        resolve({
          status: res.statusCode,
          connection: res.headers.connection,
        });
      });
    });
    req.once('error', reject);
    req.end();
  });
}

interface Stats {
  limiters: Record<string, { acquired: number }>;
  handlers: Record<string, { running: number } | undefined>;
}

async function statsOf(url: string): Promise<Stats> {
  return (await (await fetch(`${url}/stats`)).json()) as Stats;
}

async function untilServed(url: string, count: number): Promise<void> {
  while (((await statsOf(url)).limiters['orders']?.acquired ?? 0) < count);
}

async function runningUsers(): Promise<number> {
  return (await statsOf(server.url)).handlers['users']?.running ?? 0;
}

async function untilPrinted(text: string): Promise<void> {
  while (!server.output().includes(text))
    await new Promise((resolve) => server.child.stdout?.once('data', resolve));
}
