import type { IncomingMessage, ServerResponse } from 'node:http';
import express from 'express';
import { admission, isSemaphoreError, KeyedSemaphore, limit, permitOf, Semaphore } from 'express-semaphore';
import type { AdmissionDecision, Limiter } from 'express-semaphore';
import { defer, RawClient, serve, until } from '../helpers/serve';
import { collectWarnings } from '../helpers/warnings';

type Admit = ReturnType<typeof admission>;

/** Decides one real request with `admit`, answers it and returns what `admit` returned. */
async function decideOne(admit: Admit): Promise<AdmissionDecision> {
  const decided = defer<[AdmissionDecision | Promise<AdmissionDecision>]>();
  await using server = await serve((req, res) => {
    const decision = admit(req, res);
    decided.resolve([decision]);
    void Promise.resolve(decision).then(() => res.end());
  });
  await (await fetch(server.url)).text();
  const [decision] = await decided.promise;
  return await decision;
}

describe('admission', () => {
  it('returns a permit at once when one is free, and releases it with the response', async () => {
    const semaphore = new Semaphore(1);
    const admit = admission(semaphore);
    await using server = await serve((req, res) => {
      const decision = admit(req, res);
      res.end(String(decision === permitOf(res) && semaphore.held === 1));
    });
    expect(await (await fetch(server.url)).text()).toBe('true');
    await semaphore.idle();
  });

  it("returns 'over' if an option's function has ended the response, and keeps no permit", async () => {
    const semaphore = new Semaphore(1);
    const decided = defer<AdmissionDecision | Promise<AdmissionDecision>>();
    await using server = await serve((req, res) => {
      const weight = () => (res.destroy(), 1);
      decided.resolve(admission(semaphore, { weight })(req, res));
    });
    await expect(fetch(server.url)).rejects.toThrow();
    expect(await decided.promise).toBe('over');
    expect(semaphore.stats()).toMatchObject({ held: 0, acquired: 1, released: { ignore: 1 } });
  });

  it('returns a rejection at once, without a promise, a thrown error or a stack', async () => {
    const full = new Semaphore(1, { queueLimit: 0 });
    full.tryAcquire();
    const closed = new Semaphore(1);
    closed.close();
    const keyed = new KeyedSemaphore(() => new Semaphore(1, { queueLimit: 0 }), { maxKeys: 1 });
    keyed.tryAcquire('k');
    const decisions = [
      await decideOne(admission(full)),
      await decideOne(admission(new Semaphore(0), { maxWaitMs: 0 })),
      await decideOne(admission(closed)),
      await decideOne(admission(keyed, { key: () => 'k' })),
      await decideOne(admission(keyed, { key: () => 'other' })),
    ];
    for (const decision of decisions) {
      expect(decision).toMatchObject({ stack: expect.not.stringContaining('\n') as string });
    }
    expect(decisions).toMatchObject([
      { code: 'ERR_SEMAPHORE_QUEUE_FULL', status: 503 },
      { code: 'ERR_SEMAPHORE_WAIT_TIMEOUT', status: 503 },
      { code: 'ERR_SEMAPHORE_CLOSED', status: 503 },
      { code: 'ERR_SEMAPHORE_QUEUE_FULL', status: 429 },
      { code: 'ERR_SEMAPHORE_KEY_LIMIT', status: 503 },
    ]);
    expect(full.stats().rejected.ERR_SEMAPHORE_QUEUE_FULL).toBe(1);
    expect(keyed.stats().rejected).toMatchObject({ ERR_SEMAPHORE_QUEUE_FULL: 1, ERR_SEMAPHORE_KEY_LIMIT: 1 });
  });

  it('makes no promise and no listener for a rejection on arrival', async () => {
    const semaphore = new Semaphore(1, { queueLimit: 0 });
    semaphore.tryAcquire();
    const admit = admission(semaphore);
    const seen: unknown[] = [];
    await using server = await serve((req, res) => {
      const listeners = () =>
        [res, req.socket].flatMap((emitter) =>
          emitter.eventNames().map((name) => emitter.listenerCount(name)),
        );
      const before = listeners();
      seen.push(admit(req, res) instanceof Promise, before, listeners());
      res.end();
    });
    await fetch(server.url);
    expect(seen).toEqual([false, seen[1], seen[1]]);
  });

  it('returns the rejection of a wait as a value', async () => {
    const decision = await decideOne(admission(new Semaphore(0), { maxWaitMs: 1 }));
    expect(decision).toMatchObject({ code: 'ERR_SEMAPHORE_WAIT_TIMEOUT', status: 503 });
  });

  it('returns errors whose own status and headers are those of the options', async () => {
    const made: unknown[] = [];
    const semaphore = new Semaphore(1, { queueLimit: 0 });
    semaphore.tryAcquire();
    const plain = await decideOne(admission(semaphore));
    for (const retryJitter of [true, false]) {
      made.push(await decideOne(admission(semaphore, { statusCode: 529, retryJitter })));
    }
    expect(plain).toMatchObject({ status: 503, statusCode: 503 });
    expect(made).toMatchObject([
      { status: 529, statusCode: 529, headers: { 'Retry-After': expect.stringMatching(/^[12]$/) as string } },
      { status: 529, statusCode: 529, headers: { 'Retry-After': '1' } },
    ]);
    expect(made.every(isSemaphoreError)).toBe(true);
  });

  it('says when a request is skipped', async () => {
    expect(await decideOne(admission(new Semaphore(0), { skip: () => true }))).toBe('skipped');
  });

  it('says when the client left while its request was queued', async () => {
    const semaphore = new Semaphore(1);
    const admit = admission(semaphore, { maxWaitMs: Infinity });
    const decisions: Promise<AdmissionDecision>[] = [];
    await using server = await serve((req, res) => {
      decisions.push(Promise.resolve(admit(req, res)));
    });
    using blocker = await semaphore.acquire();
    const client = await RawClient.connect(server.port);
    client.get('/');
    await until(() => semaphore.waiting === 1);
    client.reset();
    await until(() => semaphore.waiting === 0);
    expect(await decisions[0]).toBe('over');
    expect(semaphore.held).toBe(blocker.weight);
  });

  it('throws what is no rejection: a bad key, a bad weight', async () => {
    const bad: ((req: IncomingMessage, res: ServerResponse) => unknown)[] = [
      admission(new KeyedSemaphore(() => new Semaphore(1)), { key: () => undefined }),
      admission(new Semaphore(1), { weight: () => 2 }),
      admission(new Semaphore(1), { weight: () => 0 }),
    ];
    const thrown: unknown[] = [];
    await using server = await serve((req, res) => {
      for (const admit of bad) {
        try {
          void Promise.resolve(admit(req, res)).catch((error: unknown) => thrown.push(error));
        } catch (error) {
          thrown.push(error);
        }
      }
      setImmediate(() => res.end());
    });
    await fetch(server.url);
    expect(thrown.map(String)).toEqual([
      expect.stringContaining('what key returns must be a string'),
      expect.stringContaining('weight'),
      expect.stringContaining('what weight returns must be'),
    ]);
  });

  it('takes a limiter of another package, which decides by tryAcquire and acquire', async () => {
    const semaphore = new Semaphore(1, { queueLimit: 0 });
    const foreign: Limiter = {
      acquire: (options) => semaphore.acquire(options),
      tryAcquire: (options) => semaphore.tryAcquire(options),
      run: (work, options) => semaphore.run(work, options),
      close: () => undefined,
      idle: () => semaphore.idle(),
      stats: () => semaphore.stats(),
    };
    const keyed = new KeyedSemaphore(() => foreign);
    expect(await decideOne(admission(foreign))).toMatchObject({ weight: 1 });
    await semaphore.idle();
    expect(await decideOne(admission(keyed, { key: () => 'k' }))).toMatchObject({ weight: 1 });
    await keyed.idle();
    semaphore.tryAcquire();
    expect(await decideOne(admission(foreign))).toMatchObject({ code: 'ERR_SEMAPHORE_QUEUE_FULL' });
    expect(await decideOne(admission(keyed, { key: () => 'k' }))).toMatchObject({
      code: 'ERR_SEMAPHORE_QUEUE_FULL',
    });
  });

  it('returns a rejection that the tryAcquire of such a limiter throws', async () => {
    const closed = new Semaphore(1);
    closed.close();
    const foreign: Limiter = {
      acquire: (options) => closed.acquire(options),
      tryAcquire: (options) => closed.tryAcquire(options),
      run: (work, options) => closed.run(work, options),
      close: () => undefined,
      idle: () => closed.idle(),
      stats: () => closed.stats(),
    };
    expect(await decideOne(admission(foreign))).toMatchObject({ code: 'ERR_SEMAPHORE_CLOSED', status: 503 });
  });

  it('shares its permit with limit on the same request', async () => {
    const semaphore = new Semaphore(1);
    const admit = admission(semaphore);
    const app = express();
    app.use((req, res, next) => {
      void admit(req, res);
      next();
    });
    app.use(limit(semaphore));
    app.use((_req, res) => res.send(String(semaphore.held)));
    await using server = await serve(app);
    expect(await (await fetch(server.url)).text()).toBe('1');
    await semaphore.idle();
  });

  it('warns of the options that only limit has', () => {
    const warnings = collectWarnings();
    admission(new Semaphore(1), { dryRun: true } as object);
    jest.restoreAllMocks();
    expect(warnings).toMatchObject([
      { message: expect.stringContaining('admission has no option "dryRun"') as string },
    ]);
  });
});
