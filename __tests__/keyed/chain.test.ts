import { getEventListeners } from 'node:events';
import express from 'express';
import request from 'supertest';
import {
  admission,
  chain,
  KeyedSemaphore,
  limit,
  permitOf,
  QueueFullError,
  Semaphore,
  WaitTimeoutError,
  withSemaphore,
} from 'express-semaphore';
import type { Limiter, Permit } from 'express-semaphore';
import { FakeClock } from '../helpers/clock';
import { defer, serve, until } from '../helpers/serve';
import { collectWarnings } from '../helpers/warnings';
import { states, turn, watch } from '../helpers/watch';

afterEach(() => {
  jest.restoreAllMocks();
});

const heldOf = (...limiters: readonly { readonly held: number }[]) => limiters.map(({ held }) => held);

describe('chain', () => {
  it('acquires in the order given, and holds no shared permit while it waits for its own', async () => {
    const [perUser, api] = [new KeyedSemaphore(() => new Semaphore(1)), new Semaphore(2)];
    const both = chain(perUser, api);
    const [ann, again, bob] = ['ann', 'ann', 'bob'].map((user) => watch(both.acquire(user)));
    await turn();
    expect(states([ann, again, bob].flatMap((call) => call ?? []))).toEqual([
      'fulfilled',
      'pending',
      'fulfilled',
    ]);
    expect([...heldOf(perUser, api), perUser.waiting, api.waiting]).toEqual([2, 2, 1, 0]);
    ann?.value.release();
    await turn();
    expect(again?.state).toBe('fulfilled');
  });

  it('holds its own permit while it waits for a shared one', async () => {
    const [user, api] = [new Semaphore(1), new Semaphore(1)];
    const held = await api.acquire();
    const call = watch(chain(user, api).acquire());
    await turn();
    expect([call.state, ...heldOf(user, api), api.waiting]).toEqual(['pending', 1, 1, 1]);
    held.release();
    await turn();
    expect(call.state).toBe('fulfilled');
  });

  it('spends one maxWaitMs on all waits, and adds up how long they took', async () => {
    const clock = new FakeClock();
    const [user, api] = [new Semaphore(1, { clock }), new Semaphore(1, { clock })];
    const [first, second] = [await user.acquire(), await api.acquire()];
    const both = chain(user, api);
    const [late, served] = [100, 200].map((maxWaitMs) => watch(both.acquire({ maxWaitMs })));
    clock.advance(60);
    first.release();
    await turn();
    clock.advance(39);
    expect(late?.state).toBe('pending');
    clock.advance(1);
    await turn();
    expect(late?.reason).toBeInstanceOf(WaitTimeoutError);
    clock.advance(50);
    second.release();
    await turn();
    expect(served?.value.waitedMs).toBe(150);
  });

  it('lets each part set the longest wait of a call that gives none', async () => {
    const clock = new FakeClock();
    const [user, api] = [new Semaphore(1, { clock }), new Semaphore(1, { clock, maxWaitMs: 50 })];
    await api.acquire();
    const call = watch(chain(user, api).acquire());
    await turn();
    clock.advance(50);
    await turn();
    expect(call.reason).toBeInstanceOf(WaitTimeoutError);
  });

  it.each<[end: string, acquire: (both: Limiter) => unknown]>([
    ['a rejection', (both) => both.acquire({ maxWaitMs: 0 })],
    ['an abort', (both) => both.acquire({ signal: AbortSignal.timeout(1) })],
    ['an error', (both) => both.acquire({ weight: 2 })],
    ['a tryAcquire that finds no permit', (both) => both.tryAcquire()],
    [
      'a tryAcquire that throws',
      (both) => {
        both.tryAcquire({ weight: 2 });
      },
    ],
  ])('releases what it has acquired, as ignored, after %s', async (_end, acquire) => {
    const [user, api] = [new Semaphore(3), new Semaphore(1)];
    await api.acquire();
    try {
      await acquire(chain(user, api));
    } catch {
      // Only what is left behind counts.
    }
    expect(user.stats()).toMatchObject({ held: 0, acquired: 1, released: { success: 0, ignore: 1 } });
    expect(api.stats()).toMatchObject({ held: 1, waiting: 0 });
  });

  it('releases all parts once, with the outcome, when held work has settled', async () => {
    const [user, api] = [new Semaphore(1), new Semaphore(1)];
    const permit = await chain(user, api).acquire();
    const work = defer();
    permit.hold(work.promise);
    permit.release('overload');
    permit.release();
    expect(heldOf(user, api)).toEqual([1, 1]);
    work.resolve();
    await turn();
    for (const part of [user, api]) {
      expect(part.stats()).toMatchObject({ held: 0, released: { success: 0, overload: 1, ignore: 0 } });
    }
  });

  it('releases the other parts when one throws, and then throws', async () => {
    const api = new Semaphore(1);
    const broken = new Semaphore(1);
    const release = jest.fn(() => {
      throw new Error('no release');
    });
    const foreign: Limiter = {
      acquire: async () => Object.create(await broken.acquire(), { release: { value: release } }) as Permit,
      tryAcquire: () => undefined,
      run: broken.run.bind(broken),
      close: () => undefined,
      idle: () => Promise.resolve(),
      stats: () => broken.stats(),
    };
    const permit = await chain(api, foreign).acquire();
    expect(() => {
      permit.release();
    }).toThrow('no release');
    expect([release.mock.calls.length, api.held]).toEqual([1, 0]);
  });

  it("has the caller's signal, and aborts with that of any part", async () => {
    const clock = new FakeClock();
    const [user, api] = [new Semaphore(1, { clock, maxHoldMs: 50 }), new Semaphore(2, { clock })];
    const caller = new AbortController();
    const permit = await chain(user, api).acquire({ signal: caller.signal });
    const plain = await chain(api).acquire({ signal: caller.signal });
    expect([permit.signal.aborted, plain.signal]).toEqual([false, caller.signal]);
    clock.advance(50);
    expect(permit.signal.reason).toMatchObject({ code: 'ERR_SEMAPHORE_HOLD_TIMEOUT' });
    permit.release();
    expect(getEventListeners(caller.signal, 'abort')).toEqual([]);
    const next = await chain(user, api).acquire({ signal: caller.signal });
    expect(next.signal.aborted).toBe(false);
    caller.abort('left');
    expect(next.signal.reason).toBe('left');
  });

  it('gives each keyed part the key, or what the function beside it makes of the key', async () => {
    const [perUser, perTenant] = [1, 2].map((permits) => new KeyedSemaphore(() => new Semaphore(permits)));
    if (perUser === undefined || perTenant === undefined) throw new Error('never');
    const all = chain(perUser, [perTenant, (key) => String(key.split('/')[0])], new Semaphore(9));
    for (const key of ['acme/ann', 'acme/bob']) await all.acquire(key);
    expect(all.tryAcquire('acme/cid')).toBeUndefined();
    expect(all.tryAcquire('other/ann')?.weight).toBe(1);
    expect([perUser.stats('acme/ann')?.held, perTenant.stats('acme')?.held]).toEqual([1, 2]);
    expect(all.for('acme/ann').stats()).toMatchObject({ permits: 1, held: 1 });
    expect(await all.run('other/bob', ({ weight }) => weight)).toBe(1);
  });

  it('limits a function by key', async () => {
    const [perUser, api] = [new KeyedSemaphore(() => new Semaphore(1)), new Semaphore(2)];
    const open = defer();
    const load = withSemaphore(chain(perUser, api), { key: (user: string) => user })(async (user: string) => {
      await open.promise;
      return user.length;
    });
    const calls = ['ann', 'ann', 'bob'].map((user) => watch(load(user)));
    await turn();
    expect([perUser.waiting, ...heldOf(perUser, api)]).toEqual([1, 2, 2]);
    open.resolve();
    await until(() => calls.every(({ state }) => state === 'fulfilled'));
    expect(heldOf(perUser, api)).toEqual([0, 0]);
  });

  it('closes all parts, and is idle when all are', async () => {
    const [perUser, api] = [new KeyedSemaphore(() => new Semaphore(1)), new Semaphore(1)];
    const both = chain(perUser, api);
    const permit = await both.acquire('ann');
    const idle = watch(both.idle());
    await turn();
    expect([idle.state, both.closed]).toEqual(['pending', false]);
    both.close('stop');
    permit.release();
    await turn();
    expect([idle.state, both.closed, perUser.closed, api.closed]).toEqual(['fulfilled', true, true, true]);
  });

  it('closes the other parts when one throws, and warns', () => {
    const warnings = collectWarnings();
    const [foreign, api] = [new Semaphore(1), new Semaphore(1)];
    jest.spyOn(foreign, 'close').mockImplementation(() => {
      throw new Error('no end');
    });
    chain(foreign, api).close();
    expect(api.closed).toBe(true);
    expect(warnings).toMatchObject([{ code: 'WARN_SEMAPHORE_CLOSE_FAILED' }]);
  });

  it('warns once of a keyed part after a shared one', () => {
    const warnings = collectWarnings();
    const [perUser, api] = [new KeyedSemaphore(() => new Semaphore(1)), new Semaphore(1)];
    chain(perUser, api);
    expect(warnings).toEqual([]);
    chain(chain(perUser.for('ann')), api, chain(api));
    expect(warnings).toEqual([]);
    chain(api, perUser.for('ann'));
    chain(api, perUser);
    expect(warnings).toMatchObject([{ code: 'WARN_SEMAPHORE_CHAIN_ORDER' }]);
  });

  it('has no stats of its own with keys', () => {
    expect(() => (chain(new KeyedSemaphore(() => new Semaphore(1))) as unknown as Limiter).stats()).toThrow(
      new TypeError('a chain with keys has no stats: read those of its parts'),
    );
  });
});

describe('limit with a chain', () => {
  it('serves a request with free permits synchronously, and releases both', async () => {
    const [perUser, api] = [new KeyedSemaphore(() => new Semaphore(1)), new Semaphore(2)];
    const limited = limit(chain(perUser, api), { key: () => 'ann' });
    let isSynchronous = false;
    await using server = await serve((req, res) => {
      let isNext = false;
      limited(req, res, () => {
        isNext = true;
        res.end(String(permitOf(res)?.weight));
      });
      isSynchronous = isNext;
    });
    await request(server.url).get('/').expect(200, '1');
    await Promise.all([perUser.idle(), api.idle()]);
    expect([isSynchronous, perUser.stats().acquired, api.stats().released.success]).toEqual([true, 1, 1]);
  });

  it('rejects on arrival synchronously with the status of the part, and keeps nothing', async () => {
    const perUser = new KeyedSemaphore(() => new Semaphore(1, { queueLimit: 0 }));
    const api = new Semaphore(1, { queueLimit: 0 });
    const limited = limit(chain(perUser, api), {
      key: (req) => req.url,
      onRejected: (_req, res, _next, { status, code }) => {
        res.writeHead(status).end(code);
      },
    });
    let isSynchronous = false;
    await using server = await serve((req, res) => {
      limited(req, res, () => undefined);
      isSynchronous = res.writableEnded;
    });
    const held = await perUser.acquire('/ann');
    await request(server.url).get('/ann').expect(429);
    held.release();
    const all = await api.acquire();
    await request(server.url).get('/ann').expect(503, 'ERR_SEMAPHORE_QUEUE_FULL');
    expect([isSynchronous, ...heldOf(perUser, api)]).toEqual([true, 0, 1]);
    all.release();
  });

  it('counts one acquire in each part for a request that waits', async () => {
    const [perUser, api] = [new KeyedSemaphore(() => new Semaphore(1)), new Semaphore(1)];
    const app = express();
    app.use(limit(chain(perUser, api), { key: () => 'ann', maxWaitMs: Infinity }));
    app.use((_req, res) => res.send('ok'));
    const held = await api.acquire();
    await using server = await serve(app);
    const answer = request(server.url)
      .get('/')
      .expect(200)
      .then(() => 'served');
    await until(() => api.waiting === 1);
    expect(perUser.stats()).toMatchObject({ held: 1, acquired: 1 });
    held.release();
    expect(await answer).toBe('served');
    await Promise.all([perUser.idle(), api.idle()]);
    expect([perUser.stats().acquired, api.stats().acquired]).toEqual([1, 2]);
  });

  it('frees the permit of the first part when the client leaves the queue of the second', async () => {
    const [perUser, api] = [new KeyedSemaphore(() => new Semaphore(1)), new Semaphore(1)];
    const held = await api.acquire();
    const limited = limit(chain(perUser, api), { key: () => 'ann', maxWaitMs: Infinity });
    await using server = await serve((req, res) => {
      limited(req, res, () => res.end());
    });
    const leaving = new AbortController();
    const left = fetch(server.url, { signal: leaving.signal }).catch(() => 'left');
    await until(() => api.waiting === 1);
    leaving.abort();
    expect(await left).toBe('left');
    await perUser.idle();
    expect([...heldOf(perUser, api), api.waiting]).toEqual([0, 1, 0]);
    held.release();
  });

  it('forgets the permits of a decision that no acquire followed', async () => {
    const [user, api] = [new Semaphore(1), new Semaphore(1)];
    const all = chain(user, api);
    const held = await api.acquire();
    const admit = admission(all, { maxWaitMs: Infinity });
    const res = { closed: false, destroyed: false, writableFinished: false, socket: {} };
    // The decision is to wait, and then this response takes no listener.
    expect(() => admit({ httpVersionMajor: 1, socket: {} } as never, res as never)).toThrow(TypeError);
    await turn();
    expect(heldOf(user, api)).toEqual([0, 1]);
    held.release();
    const permit = await all.acquire();
    expect(heldOf(user, api)).toEqual([1, 1]);
    permit.release();
    expect(heldOf(user, api)).toEqual([0, 0]);
  });

  it('ends a response that is held longer than the shortest limit of its parts', async () => {
    const [user, api] = [new Semaphore(1, { maxHoldMs: 60_000 }), new Semaphore(1, { maxHoldMs: 5 })];
    const limited = limit(chain(user, api));
    await using server = await serve((req, res) => {
      limited(req, res, () => undefined);
    });
    await request(server.url).get('/').expect(503);
    await Promise.all([user.idle(), api.idle()]);
    expect(api.stats().rejected.ERR_SEMAPHORE_HOLD_TIMEOUT).toBe(1);
  });

  it('rejects a full queue of the second part with the error of that part', async () => {
    const [user, api] = [new Semaphore(2), new Semaphore(1, { queueLimit: 0 })];
    const both = chain(user, api);
    await both.acquire();
    await expect(both.acquire()).rejects.toBeInstanceOf(QueueFullError);
  });
});
