import express from 'express';
import type { Express } from 'express';
import request from 'supertest';
import { limit, Semaphore } from 'express-semaphore';
import { RawClient, serve, until } from '../helpers/serve';

describe('limit and a request body', () => {
  it.each<[string, (app: Express, semaphore: Semaphore) => void]>([
    ['after', (app, semaphore) => app.use(express.json(), limit(semaphore))],
    ['before', (app, semaphore) => app.use(limit(semaphore), express.json())],
  ])('works %s a body parser', async (_where, mount) => {
    const semaphore = new Semaphore(1);
    const app = express();
    mount(app, semaphore);
    app.post('/', (req, res) => res.json({ held: semaphore.held, body: req.body as unknown }));
    await request(app)
      .post('/')
      .send({ a: 1 })
      .expect(200, { held: 1, body: { a: 1 } });
    await semaphore.idle();
  });

  it('still lets the body be read after a wait', async () => {
    const semaphore = new Semaphore(1);
    const app = express();
    app.use(limit(semaphore, { maxWaitMs: Infinity }), express.json());
    app.post('/', (req, res) => res.json(req.body));
    const blocker = await semaphore.acquire();
    const answer = request(app).post('/').send({ a: 1 }).expect(200, { a: 1 }).then();
    await until(() => semaphore.waiting === 1);
    blocker.release();
    await answer;
  });

  it('rejects an upload without keeping its body, and goes on with the connection', async () => {
    const semaphore = new Semaphore(0);
    const limited = limit(semaphore, { maxWaitMs: 0, skip: ({ method }) => method === 'GET' });
    let buffered = Infinity;
    await using server = await serve((req, res) => {
      res.once('close', () => {
        buffered = req.readableLength;
      });
      limited(req, res, () => res.end('served'));
    });
    const client = await RawClient.connect(server.port);
    client.upload(5_000_000);
    client.get('/next');
    await client.receives('served');
    expect(client.received).toMatch(/^HTTP\/1\.1 503 /);
    expect(buffered).toBe(0);
  });

  it('rejects an upload with Expect: 100-continue before it is sent', async () => {
    const semaphore = new Semaphore(1, { queueLimit: 0 });
    const limited = limit(semaphore);
    await using server = await serve(() => undefined);
    server.server.on('checkContinue', (req, res) => {
      limited(req, res, () => {
        res.writeContinue();
        req.resume().once('end', () => res.end('served'));
      });
    });
    const client = await RawClient.connect(server.port);
    const head = 'POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n';
    const blocker = await semaphore.acquire();
    client.socket.write(head);
    await client.receives('ERR_SEMAPHORE_QUEUE_FULL');
    expect(client.received).not.toContain('100 Continue');
    blocker.release();
    const other = await RawClient.connect(server.port);
    other.socket.write(head);
    await other.receives('100 Continue');
    other.socket.write('body');
    await other.receives('served');
    await semaphore.idle();
  });
});
