import { send } from './client';
import { HostProcess } from './host-process';
import type { RunningHost } from './host-process';
import { until } from './until';

describe.each(['koa', 'fastify'])('examples/%s.ts', (name) => {
  let hosts: HostProcess;

  beforeAll(() => {
    hosts = new HostProcess();
  });

  afterAll(() => hosts[Symbol.asyncDispose]());

  it('serves as many requests as there are permits, and the queued ones in order', async () => {
    const host = await hosts.start(`${name}-adapter`, 1, 9);
    const first = await begin(host, '/first');
    const exchanges = [first];
    for (const [waiting, path] of ['/second', '/third'].entries()) {
      exchanges.push(send(host.port, path, false));
      await until(host, (state) => state.waiting === waiting + 1);
    }
    for (const [index, path] of ['/first', '/second', '/third'].entries()) {
      await until(host, ({ running }) => running.includes(path));
      await host.end(path);
      const answer = await exchanges[index]?.answer;
      expect(answer).toMatchObject({ status: 200, body: `worked on ${path}` });
    }
    await until(host, ({ held }) => held === 0);
    expect(await host.state()).toMatchObject({ most: 1, begun: ['/first', '/second', '/third'] });
  });

  it('answers a rejection with status, Retry-After and code', async () => {
    const host = await hosts.start(`${name}-adapter`, 1, 0);
    const served = await begin(host, '/served');
    const { status, headers, body } = await send(host.port, '/rejected', false).answer;
    expect(status).toBe(503);
    expect(headers).toMatchObject({
      'retry-after': expect.stringMatching(/^[12]$/) as string,
      'content-type': expect.stringContaining('application/problem+json') as string,
    });
    expect(JSON.parse(body)).toMatchObject({ status: 503, code: 'ERR_SEMAPHORE_QUEUE_FULL' });
    await host.end('/served');
    await expect(served.answer).resolves.toMatchObject({ status: 200 });
    expect(await host.state()).toMatchObject({ begun: ['/served'] });
  });

  it('releases the permit of a client that leaves, and never works for a queued one that left', async () => {
    const host = await hosts.start(`${name}-adapter`, 1, 9);
    const first = await begin(host, '/first');
    const leaver = send(host.port, '/leaver', false);
    await until(host, ({ waiting }) => waiting === 1);
    leaver.leave();
    await until(host, ({ waiting }) => waiting === 0);
    const last = send(host.port, '/last', false);
    await until(host, ({ waiting }) => waiting === 1);
    first.leave();
    await until(host, ({ running }) => running.includes('/last'));
    await host.end('/last');
    await expect(last.answer).resolves.toMatchObject({ status: 200 });
    await until(host, ({ held }) => held === 0);
    expect(await host.state()).toMatchObject({ begun: ['/first', '/last'] });
  });
});

async function begin(host: RunningHost, path: string): Promise<ReturnType<typeof send>> {
  const exchange = send(host.port, path, false);
  await until(host, ({ running }) => running.includes(path));
  return exchange;
}
