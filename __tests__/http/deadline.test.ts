import express from 'express';
import request from 'supertest';
import { KeyedSemaphore, limit, Semaphore } from 'express-semaphore';
import { FakeClock } from 'express-semaphore/testing';
import { Deadline } from '../../lib/http/deadline';
import { serve } from '../helpers/serve';
import { turn } from '../helpers/watch';
import { Random } from '../../bench/sim/random';

const PATIENCE_MS = 250;
const PER_SECOND = 505;

/** Answers in time, a second, of a dependency that slows from about 20 ms to about 200 ms after 2 of 12 seconds. */
async function servedWhenSlow(seed: number, deadline?: (clock: FakeClock) => Deadline): Promise<number> {
  const clock = new FakeClock();
  const random = new Random(seed);
  const semaphore = new Semaphore(25, { clock });
  const limitOf = deadline?.(clock);
  let served = 0;
  const serveOne = async () => {
    const since = clock.now();
    const maxWaitMs = Math.min(100, limitOf?.maxWaitMs(since) ?? Infinity);
    const over = limitOf?.watch();
    try {
      const permit = await semaphore.acquire({ maxWaitMs });
      const workMs = (clock.now() < 2_000 ? 20 : 200) * (0.9 + 0.2 * random.next());
      clock.setTimer(() => {
        over?.(permit.waitedMs);
        permit.release();
        if (clock.now() >= 2_000 && clock.now() - since <= PATIENCE_MS) served++;
      }, workMs);
    } catch {
      // Rejected, on arrival or after its wait.
    }
  };
  while (clock.now() < 12_000) {
    clock.advance(1);
    if (random.next() < PER_SECOND / 1_000) void serveOne();
    // A grant and its caller's continuation take a few microtasks.
    for (let i = 0; i < 5; i++) await Promise.resolve();
  }
  return served / 10;
}

describe('deadlineMs', () => {
  it.each([1, 2, 3])(
    'serves a slow dependency in time, where maxWaitMs alone does not (seed %i)',
    async (seed) => {
      const alone = await servedWhenSlow(seed);
      const within = await servedWhenSlow(seed, (clock) => new Deadline(PATIENCE_MS, clock));
      // 25 permits for 200 ms are 125 a second.
      expect(alone).toBeLessThan(30);
      expect(within).toBeGreaterThan(115);
    },
  );

  it('lets a request wait until what is left of its deadline is needed for its work', () => {
    const clock = new FakeClock();
    const deadline = new Deadline(250, clock);
    expect([deadline.maxWaitMs(0), deadline.isOver(0)]).toEqual([250, false]);
    const slow = Array.from({ length: 64 }, () => deadline.watch());
    clock.advance(100);
    for (const over of slow.slice(0, 57)) over(20);
    clock.advance(50);
    for (const over of slow.slice(57)) over(20);
    // Nine tenths took 80 ms, the others 130.
    expect(deadline.maxWaitMs(150)).toBe(250 - 130);
    for (const over of slow) over(70);
    expect(deadline.maxWaitMs(100)).toBe(250 - 50 - 80);
    clock.advance(199);
    expect([deadline.isOver(100), deadline.maxWaitMs(100)]).toEqual([false, 0]);
    clock.advance(1);
    expect(deadline.isOver(100)).toBe(true);
  });

  it('takes off how long the turns of the event loop last', async () => {
    const deadline = new Deadline(10_000);
    const before = deadline.maxWaitMs(deadline.now());
    for (let i = 0; i < 20; i++) {
      deadline.maxWaitMs(deadline.now());
      const since = performance.now();
      while (performance.now() - since < 20);
      await turn();
    }
    expect(before).toBeGreaterThan(9_999);
    expect(deadline.maxWaitMs(deadline.now())).toBeLessThan(10_000 - 10);
  });

  it('rejects a request whose deadline has passed while its key was awaited', async () => {
    const perUser = new KeyedSemaphore(() => new Semaphore(1));
    const key = () => new Promise<string>((resolve) => setTimeout(resolve, 20, 'ann'));
    const app = express()
      .use(limit(perUser, { key, deadlineMs: 10 }))
      .use((_req, res) => res.send('served'));
    const { status, body } = (await request(app).get('/')) as { status: number; body: unknown };
    expect([status, body]).toMatchObject([429, { code: 'ERR_SEMAPHORE_WAIT_TOO_LONG' }]);
    expect(perUser.stats()).toMatchObject({ acquired: 0, rejected: { ERR_SEMAPHORE_WAIT_TOO_LONG: 1 } });
  });

  it('learns how long requests take, and then rejects on arrival what would be late, but uses a free permit', async () => {
    const semaphore = new Semaphore(1);
    const slow = 40;
    const codes: string[] = [];
    const limited = limit(semaphore, {
      deadlineMs: slow,
      maxWaitMs: Infinity,
      onRejected: (_req, res, _next, { code }) => {
        codes.push(code);
        res.writeHead(503).end();
      },
    });
    let isSynchronous = false;
    await using server = await serve((req, res) => {
      limited(req, res, () => setTimeout(() => res.end('served'), req.url === '/slow' ? slow : 0));
      isSynchronous = res.writableEnded;
    });
    for (let i = 0; i < 8; i++) await request(server.url).get('/slow').expect(200);
    const held = await semaphore.acquire();
    await request(server.url).get('/').expect(503);
    expect([codes, isSynchronous]).toEqual([['ERR_SEMAPHORE_WAIT_TIMEOUT'], true]);
    held.release();
    await request(server.url).get('/').expect(200);
  });

  it('waits no longer than maxWaitMs', async () => {
    const semaphore = new Semaphore(0);
    const app = express().use(limit(semaphore, { deadlineMs: 2 ** 31 - 1, maxWaitMs: 1 }));
    await request(app).get('/').expect(503);
    expect(semaphore.stats().rejected.ERR_SEMAPHORE_WAIT_TIMEOUT).toBe(1);
  });
});
