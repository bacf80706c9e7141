import { Semaphore } from 'express-semaphore';
import { gradient, SharedAdaptiveSemaphore } from 'express-semaphore/adaptive';
import type { LimitAlgorithm, LimitSample } from 'express-semaphore/adaptive';
import { RedisSemaphore } from '../../lib/redis';
import { describeLimiter } from '../contracts/limiter';
import { withRedis } from '../helpers/needs';
import { CLIENTS, counted } from '../helpers/redis-clients';
import type { TestClient } from '../helpers/redis-clients';
import { RedisServer } from '../helpers/redis-server';
import { succeedsOnce, until } from '../helpers/serve';
import { collectWarnings } from '../helpers/warnings';

/** Grows by one for each 10 samples that any process has seen, up to `most`. Its state is the number of samples. */
class Counting implements LimitAlgorithm {
  readonly initial = 4;
  readonly samples: LimitSample[] = [];
  readonly most: number;
  state: unknown = 0;
  restored: unknown;
  /** Time of the last sample. */
  usedMs = 0;

  constructor(most = 7) {
    this.most = most;
    let state: unknown = 0;
    Object.defineProperty(this, 'state', {
      enumerable: true,
      get: () => state,
      set: (value) => {
        this.restored = value;
        state = value;
      },
    });
    this.count = (): number => (state = Number(state) + 1);
  }

  readonly count: () => number;

  next(sample: LimitSample): number {
    this.samples.push(sample);
    this.usedMs = performance.now();
    return Math.min(this.most, this.initial + Math.floor(this.count() / 10));
  }
}

/** The algorithm of the process that has led last. */
function latest(algorithms: readonly Counting[]): Counting {
  return algorithms.reduce((a, b) => (b.usedMs > a.usedMs ? b : a));
}

withRedis.describe.each(Object.entries(CLIENTS))('an adaptive limit shared through %s', (_, connect) => {
  let server: RedisServer;
  let clients: TestClient[];
  let names = 0;

  beforeAll(async () => {
    server = await RedisServer.start();
    clients = await Promise.all([1, 2, 3].map(() => connect(server.port)));
  }, 120_000);

  afterAll(async () => {
    for (const client of clients) await client[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  function nodes(algorithms: readonly LimitAlgorithm[]): SharedAdaptiveSemaphore[] {
    const name = `fleet-${++names}`;
    return algorithms.map((algorithm, index) => {
      const client = clients[index]?.client;
      if (client === undefined) throw new Error('there are three clients');
      const limiter = new RedisSemaphore(client, { name, permits: 4, timeoutMs: 10_000 });
      return new SharedAdaptiveSemaphore(limiter, { algorithm });
    });
  }

  /** Uses all nodes until `isDone`. */
  async function use(limiters: readonly SharedAdaptiveSemaphore[], isDone: () => boolean): Promise<void> {
    while (!isDone()) {
      await Promise.all(
        limiters.map((limiter) => limiter.run(() => new Promise((resolve) => setTimeout(resolve, 5)))),
      );
    }
  }

  async function end(limiters: readonly SharedAdaptiveSemaphore[]): Promise<void> {
    for (const limiter of limiters) limiter.close();
    await Promise.all(limiters.map((limiter) => limiter.idle()));
  }

  it('is computed by one process from the samples of all, and holds for all', async () => {
    const isComputedByOne = async (): Promise<boolean> => {
      const algorithms = [new Counting(), new Counting(), new Counting()];
      const limiters = nodes(algorithms);
      await use(limiters, () => limiters.every(({ permits }) => permits === 7));
      await end(limiters);
      for (const { samples } of algorithms) {
        for (const { startedMs, endedMs } of samples) expect(endedMs - startedMs).toBeGreaterThanOrEqual(4);
        const ends = samples.map(({ endedMs }) => endedMs);
        expect(ends).toEqual([...ends].sort((a, b) => a - b));
      }
      // Another process leads after the leader was stopped for 200 ms.
      return algorithms.filter(({ samples }) => samples.length > 0).length === 1;
    };
    expect(await succeedsOnce(isComputedByOne)).toBe(true);
  });

  it('is computed on by another process when the leader falls silent', async () => {
    const algorithms = [new Counting(40), new Counting(40), new Counting(40)];
    const limiters = nodes(algorithms);
    await use(limiters, () => limiters.every(({ permits }) => permits >= 6));
    const leader = algorithms.indexOf(latest(algorithms));
    const others = limiters.filter((_limiter, index) => index !== leader);
    const before = Math.max(...limiters.map(({ permits }) => permits));
    limiters[leader]?.close();
    await use(others, () => others.every(({ permits }) => permits > before));
    const successor = latest(algorithms.filter((_algorithm, index) => index !== leader));
    // It went on with what the leader had learned, less at most what it learned in its last turn.
    expect(Number(successor.restored)).toBeGreaterThanOrEqual(10);
    await end(limiters);
  });

  it('goes on with the limit and the baseline of gradient', async () => {
    const algorithms = [gradient({ initialPermits: 12 }), gradient({ initialPermits: 12 })];
    const limiters = nodes(algorithms);
    const measured = (): boolean =>
      algorithms.some(({ state }) => (state as { baseline: { ms: number } }).baseline.ms < 1_000);
    await use(limiters, measured);
    const leader = algorithms.findIndex(
      ({ state }) => (state as { baseline: { ms: number } }).baseline.ms < 1_000,
    );
    // The state travels with the next report of the leader.
    const sinceMs = Date.now();
    await use(limiters, () => limiters.every(({ permits }) => permits >= 12) && Date.now() > sinceMs + 1_000);
    const others = limiters.filter((_limiter, index) => index !== leader);
    const least: number[] = [];
    limiters[leader]?.close();
    await use(others, () => {
      least.push(...others.map(({ permits }) => permits));
      return algorithms.every(({ state }) => (state as { baseline: { ms: number } }).baseline.ms < 1_000);
    });
    // A new leader without a baseline would begin with a probe at a limit of 3.
    expect(Math.min(...least)).toBeGreaterThanOrEqual(6);
    await end(limiters);
  });

  it('keeps the limit and warns once when the algorithm fails', async () => {
    const warnings = collectWarnings();
    let calls = 0;
    const failing = {
      initial: 4,
      state: 0,
      next() {
        calls++;
        throw new Error('no limit today');
      },
    };
    const [limiter] = nodes([failing]);
    if (limiter === undefined) throw new Error('there is one node');
    await use([limiter], () => calls >= 3);
    expect(limiter.permits).toBe(4);
    expect(warnings).toMatchObject([{ code: 'WARN_SEMAPHORE_ALGORITHM_FAILED' }]);
    await end([limiter]);
  });

  it('grants permits with fencing tokens, and leaves nothing but its limit when it is idle', async () => {
    const [limiter] = nodes([new Counting()]);
    if (limiter === undefined) throw new Error('there is one node');
    const permit = await limiter.acquire();
    expect(permit.fencingToken).toBeGreaterThan(0);
    permit.release();
    await end([limiter]);
    await until(() => limiter.held === 0);
  });
});

withRedis.describe('SharedAdaptiveSemaphore', () => {
  let server: RedisServer;
  let connected: TestClient;
  let settle: () => Promise<void>;
  let client: TestClient['client'];
  let names = 0;

  beforeAll(async () => {
    server = await RedisServer.start();
    connected = await (CLIENTS['node-redis'] ?? fail())(server.port);
    ({ client, settle } = counted(connected.client));
  });

  afterAll(async () => {
    await connected[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  function fail(): never {
    throw new Error('node-redis is a client');
  }

  describeLimiter(
    'A SharedAdaptiveSemaphore',
    (permits, options) => {
      const shared = new RedisSemaphore(client, {
        timeoutMs: 10_000,
        ...options,
        name: `contract ${++names}`,
        permits,
      });
      const algorithm = { initial: Math.max(1, permits), next: () => permits, state: 0 };
      const limiter = new SharedAdaptiveSemaphore(shared, { algorithm });
      return {
        limiter,
        settle,
        [Symbol.asyncDispose]: () => {
          limiter.close();
          return settle();
        },
      };
    },
    { local: false },
  );

  it('rejects a limiter that processes do not share, and an algorithm without a state', () => {
    expect(() => new SharedAdaptiveSemaphore(new Semaphore(1))).toThrow(TypeError);
    const shared = new RedisSemaphore(client, { name: 'a', permits: 1 });
    const algorithm = { initial: 1, next: () => 1 };
    expect(() => new SharedAdaptiveSemaphore(shared, { algorithm })).toThrow(
      new TypeError('algorithm must have a state, so that another process can go on with it'),
    );
  });
});
