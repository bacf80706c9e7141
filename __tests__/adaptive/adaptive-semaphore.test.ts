import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import express from 'express';
import request from 'supertest';
import { limit, Semaphore } from 'express-semaphore';
import { AdaptiveSemaphore } from 'express-semaphore/adaptive';
import type { LimitAlgorithm, LimitSample } from 'express-semaphore/adaptive';
import { FakeClock } from 'express-semaphore/testing';
import { serve, until } from '../helpers/serve';
import { collectWarnings } from '../helpers/warnings';

/** An algorithm that records its samples and returns the limit that the test sets. */
class ScriptedAlgorithm implements LimitAlgorithm {
  readonly initial = 2;
  readonly samples: LimitSample[] = [];
  limit = 2;

  next(sample: LimitSample): number {
    this.samples.push(sample);
    return this.limit;
  }
}

afterEach(() => {
  jest.restoreAllMocks();
});

describe('AdaptiveSemaphore', () => {
  it('gives its algorithm the times, the permits in flight and the outcome of each permit', async () => {
    const [clock, algorithm] = [new FakeClock(), new ScriptedAlgorithm()];
    let busyMs = 0;
    const semaphore = new AdaptiveSemaphore({ algorithm, clock, eventLoopLoad: { busyMs: () => busyMs } });
    const [first, second] = [semaphore.tryAcquire(), semaphore.tryAcquire()];
    const waiting = semaphore.acquire();
    clock.advance(20);
    first?.release();
    clock.advance(5);
    busyMs = 7;
    second?.release('overload');
    const third = await waiting;
    third.release('ignore');
    await semaphore.idle();
    expect(algorithm.samples).toEqual([
      { startedMs: 0, endedMs: 20, busyMs: 0, inFlight: 1, outcome: 'success' },
      { startedMs: 0, endedMs: 25, busyMs: 7, inFlight: 2, outcome: 'overload' },
      { startedMs: 25, endedMs: 25, busyMs: 7, inFlight: 1, outcome: 'ignore' },
    ]);
  });

  it('applies the new limit, rounded down to 1 at least, before it releases the permit', () => {
    const algorithm = new ScriptedAlgorithm();
    const semaphore = new AdaptiveSemaphore({ algorithm });
    const [first, second] = [semaphore.tryAcquire(), semaphore.tryAcquire()];
    void semaphore.acquire();
    algorithm.limit = 0.3;
    first?.release();
    expect(semaphore.stats()).toMatchObject({ permits: 1, held: 1, waiting: 1, available: 0 });
    algorithm.limit = 3.9;
    second?.release();
    expect(semaphore.stats()).toMatchObject({ permits: 3, held: 1, waiting: 0, available: 2 });
  });

  it('finds the limit in a dry run, and neither queues nor rejects a caller', async () => {
    const algorithm = new ScriptedAlgorithm();
    const semaphore = new AdaptiveSemaphore({ algorithm, dryRun: true, queueLimit: 0, maxWaitMs: 0 });
    const permits = await Promise.all(Array.from({ length: 50 }, () => semaphore.acquire()));
    expect(semaphore.stats()).toMatchObject({ permits: 2, held: 50, available: 0, waiting: 0 });
    algorithm.limit = 7;
    for (const permit of permits) permit.release();
    expect(semaphore.stats()).toMatchObject({ permits: 7, held: 0, available: 7 });
    expect(algorithm.samples).toHaveLength(50);
  });

  it('reports event-loop load that grows with the work of the thread', async () => {
    const algorithm = new ScriptedAlgorithm();
    const semaphore = new AdaptiveSemaphore({ algorithm });
    for (let round = 0; round < 2; round++) {
      semaphore.tryAcquire()?.release();
      // One reading serves all samples of a millisecond.
      await setTimeout(2);
    }
    const [first, second] = algorithm.samples.map(({ busyMs }) => busyMs);
    expect(first).toBeGreaterThan(0);
    expect(second).toBeGreaterThan(first ?? Infinity);
  });

  it.each([
    ['is missing', undefined],
    ['returns nothing, as under fake timers', () => undefined],
    ['always returns 0, as in Bun', () => ({ idle: 0, active: 0, utilization: 0 })],
  ])('uses the processor time of the process when eventLoopUtilization %s', (_case, replacement) => {
    const original = Object.getOwnPropertyDescriptor(performance, 'eventLoopUtilization');
    Object.defineProperty(performance, 'eventLoopUtilization', { value: replacement, configurable: true });
    try {
      const algorithm = new ScriptedAlgorithm();
      const semaphore = new AdaptiveSemaphore({ algorithm });
      const before = processorMs();
      semaphore.tryAcquire()?.release();
      expect(semaphore.held).toBe(0);
      expect(algorithm.samples[0]?.busyMs).toBeGreaterThanOrEqual(before);
      expect(algorithm.samples[0]?.busyMs).toBeLessThanOrEqual(processorMs());
    } finally {
      if (original !== undefined) Object.defineProperty(performance, 'eventLoopUtilization', original);
      else Reflect.deleteProperty(performance, 'eventLoopUtilization');
    }
  });

  it('works under the fake timers of Jest', () => {
    jest.useFakeTimers();
    try {
      const algorithm = new ScriptedAlgorithm();
      const semaphore = new AdaptiveSemaphore({ algorithm });
      semaphore.tryAcquire()?.release();
      expect([semaphore.held, algorithm.samples.length]).toEqual([0, 1]);
    } finally {
      jest.useRealTimers();
    }
  });

  it.each(['true', 1, null])('rejects the dryRun %p', (dryRun) => {
    const make = () => new AdaptiveSemaphore({ dryRun: dryRun as unknown as boolean });
    expect(make).toThrow(TypeError);
  });
});

describe('an AdaptiveSemaphore whose algorithm fails', () => {
  const FAILURES: [string, () => unknown][] = [
    [
      'throws',
      () => {
        throw new Error('no limit today');
      },
    ],
    ['returns NaN', () => NaN],
    ['returns a text', () => '5'],
    ['returns nothing', () => undefined],
    ['returns a promise', () => Promise.resolve(5)],
  ];

  it.each(FAILURES)('keeps its limit and warns once when the algorithm %s', async (_case, next) => {
    const warnings = collectWarnings();
    const semaphore = new AdaptiveSemaphore({ algorithm: { initial: 2, next: next as () => number } });
    for (let round = 0; round < 3; round++) {
      expect(await semaphore.run(() => 'the result')).toBe('the result');
    }
    await expect(semaphore.run(() => Promise.reject(new Error('of the work')))).rejects.toThrow(
      'of the work',
    );
    expect(semaphore.stats()).toMatchObject({ permits: 2, held: 0, released: { success: 3, ignore: 1 } });
    expect(warnings).toMatchObject([{ code: 'WARN_SEMAPHORE_ALGORITHM_FAILED' }]);
  });

  it('handles the rejection of a promise that an algorithm or an event-loop load returns', async () => {
    const args = ['--import', 'tsx', join(__dirname, 'algorithm-rejects.ts')];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    expect(stdout.trim().split('\n')).toEqual([
      expect.stringContaining('the result of algorithm.next must be a number, got'),
      expect.stringContaining('the result of eventLoopLoad.busyMs must be a number, got'),
    ]);
  });

  it('warns once when the event-loop load fails', () => {
    const warnings = collectWarnings();
    const eventLoopLoad = {
      busyMs() {
        throw new Error('no load');
      },
    };
    const semaphore = new AdaptiveSemaphore({ eventLoopLoad });
    for (let round = 0; round < 3; round++) semaphore.tryAcquire()?.release();
    expect(semaphore.held).toBe(0);
    expect(warnings).toHaveLength(1);
  });

  it('grants the permit to the next waiter', async () => {
    collectWarnings();
    const semaphore = new AdaptiveSemaphore({ algorithm: { initial: 1, next: () => NaN } });
    const first = semaphore.tryAcquire();
    const waiting = semaphore.acquire();
    first?.release();
    (await waiting).release();
    await semaphore.idle();
    expect(semaphore.stats()).toMatchObject({ permits: 1, held: 0, waiting: 0 });
  });

  it('keeps the connection and its other permits', async () => {
    collectWarnings();
    const failing = new AdaptiveSemaphore({ algorithm: { initial: 1, next: () => NaN } });
    const other = new Semaphore(1);
    const [outer, inner] = [limit(other), limit(failing)];
    await using server = await serve((req, res) => {
      outer(req, res, () => {
        inner(req, res, () => res.end('ok'));
      });
    });
    for (let round = 0; round < 3; round++) expect(await (await fetch(server.url)).text()).toBe('ok');
    await Promise.all([failing.idle(), other.idle()]);
    expect([failing.held, other.held]).toEqual([0, 0]);
  });
});

describe('limit with an AdaptiveSemaphore', () => {
  it('reports a request whose client has gone as ignored', async () => {
    const algorithm = new ScriptedAlgorithm();
    const semaphore = new AdaptiveSemaphore({ algorithm });
    const middleware = limit(semaphore);
    await using server = await serve((req, res) => {
      middleware(req, res, () => undefined);
    });
    const leaving = new AbortController();
    const answer = fetch(server.url, { signal: leaving.signal }).catch(() => 'gone');
    await until(() => semaphore.held === 1);
    leaving.abort();
    await semaphore.idle();
    expect(await answer).toBe('gone');
    expect(algorithm.samples).toMatchObject([{ outcome: 'ignore' }]);
    expect(semaphore.stats().released.ignore).toBe(1);
  });

  it('reports a request that another limiter rejected as ignored', async () => {
    const algorithm = new ScriptedAlgorithm();
    const semaphore = new AdaptiveSemaphore({ algorithm });
    const full = new Semaphore(1, { queueLimit: 0 });
    full.tryAcquire();
    const app = express().use(limit(semaphore), limit(full));
    await request(app).get('/').expect(503);
    await semaphore.idle();
    expect(algorithm.samples).toMatchObject([{ outcome: 'ignore' }]);
  });

  it('counts a status of 503 as overload, and one below 500 as success', async () => {
    const algorithm = new ScriptedAlgorithm();
    const app = express().use(limit(new AdaptiveSemaphore({ algorithm })));
    app.get('/:status', (req, res) => res.sendStatus(Number(req.params.status)));
    for (const status of [200, 302, 404, 429, 503]) await request(app).get(`/${status}`).expect(status);
    await until(() => algorithm.samples.length === 5);
    const outcomes = algorithm.samples.map(({ outcome }) => outcome);
    expect(outcomes).toEqual(['success', 'success', 'success', 'success', 'overload']);
  });
});

function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
