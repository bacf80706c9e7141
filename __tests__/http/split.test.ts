import { KeyedSemaphore, limit, permitOf, Semaphore } from 'express-semaphore';
import { FakeClock } from 'express-semaphore/testing';
import express from 'express';
import { serve, until } from '../helpers/serve';
import { watch, turn } from '../helpers/watch';

it('releases the parts of a permit of limit with the response, and permitOf still finds the whole', async () => {
  const semaphore = new Semaphore(3);
  const app = express();
  app.use(limit(semaphore, { weight: 3 }));
  app.get('/', (_req, res) => {
    const whole = permitOf(res);
    const [early] = [whole?.split(1), whole?.split(1)];
    early?.release();
    res.json([semaphore.held, permitOf(res) === whole, whole?.weight]);
  });
  await using server = await serve(app);
  const answer = await fetch(server.url);
  expect(await answer.json()).toEqual([2, true, 1]);
  await until(() => semaphore.held === 0);
  expect(semaphore.stats()).toMatchObject({ acquired: 1, released: { success: 1 } });
});

it('keeps a key while a part of its permit is held', async () => {
  const keyed = new KeyedSemaphore(() => new Semaphore(2));
  const whole = await keyed.acquire('a', { weight: 2 });
  const part = whole.split(1);
  whole.release();
  expect([keyed.stats().busyKeys, keyed.stats().held, keyed.delete('a')]).toEqual([1, 1, false]);
  const idle = watch(keyed.idle());
  part.release();
  await turn();
  expect([idle.state, keyed.stats().busyKeys, keyed.stats().held]).toEqual(['fulfilled', 0, 0]);
});

it('has one hold limit for all parts, which ends with the last of them', async () => {
  const clock = new FakeClock();
  const semaphore = new Semaphore(2, { maxHoldMs: 100, warnHeldMs: 200, clock });
  semaphore.stats();
  const whole = await semaphore.acquire({ weight: 2 });
  const part = whole.split(1);
  const { signal } = part;
  whole.release();
  clock.advance(100);
  expect(signal.reason).toMatchObject({ code: 'ERR_SEMAPHORE_HOLD_TIMEOUT' });
  clock.advance(20);
  part.release();
  expect(clock.timers).toBe(0);
  expect(semaphore.stats()).toMatchObject({
    held: 0,
    hold: { count: 1, maxMs: 120 },
    rejected: { ERR_SEMAPHORE_HOLD_TIMEOUT: 1 },
  });
});
