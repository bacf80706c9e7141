import { send } from './client';
import type { Exchange } from './client';
import { HostProcess } from './host-process';
import type { RunningHost } from './host-process';
import { HOSTS, MISSING, NEWER_HOSTS_RUN } from './hosts';
import { until } from './until';

const runnable = HOSTS.filter(({ isNewer }) => !isNewer || NEWER_HOSTS_RUN);
const others = HOSTS.filter((host) => !runnable.includes(host));
if (others.length > 0) it.skip.each(others)(`needs ${MISSING}: limit on $file`, () => undefined);

describe.each(runnable)('limit on $name ($file)', ({ file, isHttp2 }) => {
  let hosts: HostProcess;

  beforeAll(() => {
    hosts = new HostProcess();
  });

  afterAll(() => hosts[Symbol.asyncDispose]());

  const begin = (host: RunningHost, path: string): Exchange => send(host.port, path, isHttp2);

  it('runs as many requests as there are permits, and serves the queued ones in order', async () => {
    const host = await hosts.start(file, 2, 9);
    const exchanges: Exchange[] = [];
    for (const [number, path] of ['/a', '/b', '/c', '/d'].entries()) {
      exchanges.push(begin(host, path));
      await until(host, ({ held, waiting }) => held + waiting === number + 1);
    }
    expect(await host.state()).toMatchObject({ held: 2, waiting: 2, begun: ['/a', '/b'] });
    await host.end('/b');
    await until(host, ({ begun }) => begun.length === 3);
    await host.end('/a');
    await until(host, ({ begun }) => begun.length === 4);
    await host.end('/c');
    await host.end('/d');
    const answers = await Promise.all(exchanges.map(({ answer }) => answer));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(answers.map(({ body }) => body)).toEqual(
      ['/a', '/b', '/c', '/d'].map((path) => expect.stringContaining(`worked on ${path}`) as string),
    );
    await until(host, ({ held }) => held === 0);
    expect(await host.state()).toMatchObject({ most: 2, begun: ['/a', '/b', '/c', '/d'] });
  });

  it('dequeues a client that leaves, and never works for it', async () => {
    const host = await hosts.start(file, 1, 9);
    const served = begin(host, '/served');
    await until(host, ({ held }) => held === 1);
    const leaver = begin(host, '/leaver');
    await until(host, ({ waiting }) => waiting === 1);
    const next = begin(host, '/next');
    await until(host, ({ waiting }) => waiting === 2);
    leaver.leave();
    await until(host, ({ waiting }) => waiting === 1);
    await host.end('/served');
    await until(host, ({ running }) => running.includes('/next'));
    await host.end('/next');
    await expect(served.answer).resolves.toMatchObject({ status: 200 });
    await expect(next.answer).resolves.toMatchObject({ status: 200 });
    await until(host, ({ held }) => held === 0);
    expect(await host.state()).toMatchObject({ begun: ['/served', '/next'] });
  });

  it.each([
    ['the queue is full', 0, 'ERR_SEMAPHORE_QUEUE_FULL'],
    ['the wait has lasted too long', 9, 'ERR_SEMAPHORE_WAIT_TIMEOUT'],
  ])('answers a rejection with status, headers and body when %s', async (_when, queueLimit, code) => {
    const host = await hosts.start(file, 1, queueLimit);
    const served = begin(host, '/served');
    await until(host, ({ held }) => held === 1);
    const rejected = begin(host, '/rejected');
    if (queueLimit > 0) {
      await until(host, ({ waiting }) => waiting === 1);
      await host.pass(1_000);
    }
    const { status, headers, body } = await rejected.answer;
    expect(status).toBe(503);
    expect(headers).toMatchObject({
      'retry-after': expect.stringMatching(/^[1-9]\d*$/) as string,
      'cache-control': 'no-store',
      'content-type': 'application/problem+json',
      'content-length': String(Buffer.byteLength(body)),
    });
    expect(JSON.parse(body)).toEqual({
      title: 'Service Unavailable',
      status: 503,
      detail: expect.any(String) as string,
      code,
    });
    await host.end('/served');
    await expect(served.answer).resolves.toMatchObject({ status: 200 });
    await until(host, ({ held }) => held === 0);
    expect(await host.state()).toMatchObject({ begun: ['/served'], waiting: 0 });
  });

  it.each<[string, (host: RunningHost, exchange: Exchange) => unknown]>([
    [
      'the client leaves while it is served',
      (_host, exchange) => {
        exchange.leave();
      },
    ],
    [
      'the work fails',
      async (host, exchange) => {
        await host.end('/first', true);
        await expect(exchange.answer).resolves.toMatchObject({ status: 500 });
      },
    ],
  ])('releases the permit when %s', async (_when, endFirst) => {
    const host = await hosts.start(file, 1, 9);
    const first = begin(host, '/first');
    await until(host, ({ held }) => held === 1);
    const second = begin(host, '/second');
    await until(host, ({ waiting }) => waiting === 1);
    await endFirst(host, first);
    await until(host, ({ running }) => running.includes('/second'));
    await host.end('/second');
    await expect(second.answer).resolves.toMatchObject({ status: 200 });
    await until(host, ({ held }) => held === 0);
  });
});
