import express from 'express';
import request from 'supertest';
import { limit, Semaphore } from 'express-semaphore';
import { AdaptiveSemaphore } from 'express-semaphore/adaptive';
import type { LimitAlgorithm, LimitSample } from 'express-semaphore/adaptive';
import { FakeClock } from '../helpers/clock';
import { serve, until } from '../helpers/serve';

/** An algorithm that keeps what it is told, and sets the limit that the test says. */
class Told implements LimitAlgorithm {
  readonly initial = 2;
  readonly samples: LimitSample[] = [];
  limit = 2;

  next(sample: LimitSample): number {
    this.samples.push(sample);
    return this.limit;
  }
}

describe('AdaptiveSemaphore', () => {
  it('tells its algorithm when a permit was out, in which company, and how its work went', async () => {
    const [clock, algorithm] = [new FakeClock(), new Told()];
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
      { startedMs: 0, endedMs: 20, busyMs: 0, inFlight: 1, isOverload: false },
      { startedMs: 0, endedMs: 25, busyMs: 7, inFlight: 2, isOverload: true },
    ]);
  });

  it('sets the limit before the permit is handed on, in whole permits, at least one', () => {
    const algorithm = new Told();
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

  it('refuses and delays nobody as a monitor, and tells the limit that it would set', async () => {
    const algorithm = new Told();
    const semaphore = new AdaptiveSemaphore({ algorithm, mode: 'monitor', queueLimit: 0, maxWaitMs: 0 });
    const permits = await Promise.all(Array.from({ length: 50 }, () => semaphore.acquire()));
    expect(semaphore.stats()).toMatchObject({ permits: 2, held: 50, available: 0, waiting: 0 });
    algorithm.limit = 7;
    for (const permit of permits) permit.release();
    expect(semaphore.stats()).toMatchObject({ permits: 7, held: 0, available: 7 });
    expect(semaphore.stats().limits.at(-1)).toMatchObject({ permits: 7 });
    expect(algorithm.samples).toHaveLength(50);
  });

  it('measures how busy the thread is', async () => {
    const algorithm = new Told();
    const semaphore = new AdaptiveSemaphore({ algorithm });
    for (let round = 0; round < 2; round++) {
      semaphore.tryAcquire()?.release();
      await new Promise(setImmediate);
    }
    const [first, second] = algorithm.samples.map(({ busyMs }) => busyMs);
    expect(first).toBeGreaterThan(0);
    expect(second).toBeGreaterThan(first ?? Infinity);
  });

  it.each(['watch', 1])('refuses the mode %p', (mode) => {
    const make = () => new AdaptiveSemaphore({ mode: mode as 'monitor' });
    expect(make).toThrow(`mode must be enforce or monitor, got ${JSON.stringify(mode)}`);
  });
});

describe('limit before an AdaptiveSemaphore', () => {
  it('takes a status of 500 and up for overload, and any other for success', async () => {
    const algorithm = new Told();
    const app = express().use(limit(new AdaptiveSemaphore({ algorithm })));
    app.get('/:status', (req, res) => res.sendStatus(Number(req.params.status)));
    for (const status of [200, 302, 404, 429, 500, 503]) await request(app).get(`/${status}`).expect(status);
    await until(() => algorithm.samples.length === 6);
    expect(algorithm.samples.map(({ isOverload }) => isOverload)).toEqual([
      false,
      false,
      false,
      false,
      true,
      true,
    ]);
  });

  it('leaves out a request whose client has gone', async () => {
    const algorithm = new Told();
    const semaphore = new AdaptiveSemaphore({ algorithm });
    const gate = limit(semaphore);
    await using server = await serve((req, res) => {
      gate(req, res, () => undefined);
    });
    const leaving = new AbortController();
    const answer = fetch(server.url, { signal: leaving.signal }).catch(() => 'gone');
    await until(() => semaphore.held === 1);
    leaving.abort();
    await semaphore.idle();
    expect([await answer, algorithm.samples]).toEqual(['gone', []]);
    expect(semaphore.stats().released.ignore).toBe(1);
  });

  it('leaves out a request that another limiter refused: that one is full, not this', async () => {
    const algorithm = new Told();
    const semaphore = new AdaptiveSemaphore({ algorithm });
    const full = new Semaphore(1, { queueLimit: 0 });
    full.tryAcquire();
    const app = express().use(limit(semaphore), limit(full));
    await request(app).get('/').expect(503);
    await semaphore.idle();
    expect(algorithm.samples).toEqual([]);
  });
});
