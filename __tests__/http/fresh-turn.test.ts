import { AsyncLocalStorage } from 'node:async_hooks';
import type { RequestListener } from 'node:http';
import express from 'express';
import { limit, Semaphore } from 'express-semaphore';
import { RawClient, serve, until } from '../helpers/serve';

describe('requests that are granted together', () => {
  it('start each in a turn of its own, in order and in their async context', async () => {
    const semaphore = new Semaphore(0);
    const context = new AsyncLocalStorage<string>();
    const starts: { path: string; turn: number; context: string | undefined }[] = [];
    let turn = 0;
    const app = express();
    app.use((req, _res, next) => {
      context.run(req.path, next);
    });
    app.use(limit(semaphore, { maxWaitMs: Infinity }), (req, res) => {
      starts.push({ path: req.path, turn, context: context.getStore() });
      res.send('served');
    });
    await using server = await serve(app as RequestListener);
    const paths = Array.from({ length: 5 }, (_, index) => `/${index}`);
    const answers: Promise<Response>[] = [];
    for (const path of paths) {
      answers.push(fetch(server.url + path));
      await until(() => semaphore.waiting === answers.length);
    }
    let isOver = false;
    const count = (): void => {
      turn++;
      if (!isOver) setImmediate(count);
    };
    count();
    semaphore.resize(5);
    await Promise.all(answers);
    isOver = true;
    expect(starts.map(({ path }) => path)).toEqual(paths);
    expect(starts.map((start) => start.context)).toEqual(paths);
    expect(new Set(starts.map((start) => start.turn)).size).toBe(5);
    await semaphore.idle();
  });

  it('do not start when the client has left by then', async () => {
    const semaphore = new Semaphore(0);
    const started: string[] = [];
    const closing: (() => void)[] = [];
    const app = express();
    app.use((req, _res, next) => {
      closing.push(() => req.socket.destroy());
      next();
    });
    app.use(limit(semaphore, { maxWaitMs: Infinity }), (req, res) => {
      started.push(req.path);
      closing[1]?.();
      res.send('served');
    });
    await using server = await serve(app as RequestListener);
    for (const [index, path] of ['/a', '/b'].entries()) {
      (await RawClient.connect(server.port)).get(path);
      await until(() => semaphore.waiting === index + 1);
    }
    semaphore.resize(2);
    await semaphore.idle();
    expect(started).toEqual(['/a']);
  });
});
