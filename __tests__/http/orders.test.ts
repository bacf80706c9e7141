import express from 'express';
import request from 'supertest';
import { limit, permitOf, Semaphore } from 'express-semaphore';
import type { Order } from 'express-semaphore';
import { ORDER_NAMES } from '../../lib/orders';
import { RawClient, serve, until } from '../helpers/serve';

describe('limit', () => {
  it('acquires with the priority of the request', async () => {
    const semaphore = new Semaphore(2, { order: { name: 'priority', reserved: 1 } });
    const app = express().use(
      limit(semaphore, { maxWaitMs: 0, priority: (req) => (req.url === '/health' ? 100 : 0) }),
    );
    app.use((_req, res) => res.send('served'));
    semaphore.tryAcquire();
    await request(app).get('/').expect(503);
    await request(app).get('/health').expect(200);
  });

  it('acquires with the flow of the request', async () => {
    const semaphore = new Semaphore(1, { order: 'fair' });
    const served: string[] = [];
    const app = express().use(limit(semaphore, { flow: (req) => req.url }));
    app.use((req, res) => res.send(String(served.push(req.url))));
    const held = semaphore.tryAcquire();
    const answers = [];
    for (const path of ['/a', '/a', '/a', '/b']) {
      const waiting = semaphore.waiting;
      answers.push(request(app).get(path).expect(200).then());
      await until(() => semaphore.waiting === waiting + 1);
    }
    held?.release();
    await Promise.all(answers);
    expect(served).toEqual(['/a', '/b', '/a', '/a']);
  });

  it('acquires with a fixed weight, priority or flow', async () => {
    const flows: string[] = [];
    const semaphore = new Semaphore(0, { order: { name: 'fair', share: (flow) => flows.push(flow) } });
    const reserving = new Semaphore(3, { order: { name: 'priority', reserved: 2 } });
    const app = express()
      .use('/weight', limit(new Semaphore(2), { weight: 2 }))
      .use('/priority', limit(reserving, { priority: 100, maxWaitMs: 0 }))
      .use('/flow', limit(semaphore, { flow: 'staff' }));
    app.use((_req, res) => res.send(String(permitOf(res)?.weight)));
    await request(app).get('/weight').expect(200, '2');
    reserving.tryAcquire();
    await request(app).get('/priority').expect(200, '1');
    const waiting = request(app).get('/flow').expect(200, '1').then();
    await until(() => semaphore.waiting === 1);
    semaphore.resize(1);
    await waiting;
    expect(flows).toEqual(['staff']);
  });

  it.each<[object, string]>([
    [{ priority: 1.5 }, 'priority must be an integer from -100 to 100, got 1.5'],
    [{ flow: 7 }, 'flow must be a string, got 7'],
    [{ retryJitter: 1 }, 'retryJitter must be a boolean, got 1'],
  ])('throws for %j when it is made', (options, message) => {
    expect(() => limit(new Semaphore(1), options)).toThrow(message);
  });

  it.each<[object, RegExp]>([
    [{ priority: () => 101 }, /what priority returns must be an integer from -100 to 100, got 101/],
    [{ flow: () => 7 }, /what flow returns must be a string, got 7/],
  ])('passes an error on when an option function returns a wrong value: %#', async (options, message) => {
    const app = express().use(limit(new Semaphore(1), options));
    await request(app).get('/').expect(500, message);
  });

  it('adds jitter to Retry-After, so that clients rejected together retry apart', async () => {
    const semaphore = new Semaphore(0, { queueLimit: 0 });
    const app = express().use(limit(semaphore));
    const told = new Set<string | undefined>();
    for (let i = 0; i < 40; i++) told.add((await request(app).get('/').expect(503)).get('Retry-After'));
    expect(told).toEqual(new Set(['1', '2']));
  });

  it.each<Order>([...ORDER_NAMES, { name: 'adaptive-lifo', targetMs: 0, intervalMs: 0 }])(
    'serves all of many pipelined requests on several connections in the order %j',
    async (order) => {
      const semaphore = new Semaphore(1, { order });
      let count = 0;
      // The later a request of a connection comes, the higher its priority: the worst that there is.
      const limited = limit(semaphore, {
        maxWaitMs: Infinity,
        priority: (req) => Number(req.url?.slice(1)),
        flow: () => String(count++ % 3),
      });
      await using server = await serve((req, res) => {
        setImmediate(() => {
          limited(req, res, () => setImmediate(() => res.end(`served ${req.url ?? ''}.`)));
        });
      });
      const clients = await Promise.all([1, 2, 3].map(() => RawClient.connect(server.port)));
      for (const client of clients) client.get('/1', '/2', '/3', '/4');
      for (const client of clients) {
        await until(() => (client.received.match(/HTTP\/1.1 (200|503)/g)?.length ?? 0) === 4);
        client.reset();
      }
      await semaphore.idle();
      expect(semaphore.stats()).toMatchObject({ held: 0, waiting: 0 });
    },
  );
});
