import { AsyncLocalStorage } from 'node:async_hooks';
import { KeyedSemaphore, observe, Semaphore } from 'express-semaphore';
import type { LimiterEvents } from 'express-semaphore';
import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import { FakeClock } from 'express-semaphore/testing';
import { turn, watch } from '../helpers/watch';

const EVENTS = ['acquire', 'queued', 'release', 'reject', 'lost', 'holdTimeout', 'limit'] as const;

/** Names of the limiters here begin with this: the channels also carry messages of limiters that other tests left. */
const NAME = 'events.test';

/** Collects the messages of the limiters of this file until the end of the scope. */
function record(...events: (keyof LimiterEvents)[]) {
  const told: { event: keyof LimiterEvents; message: LimiterEvents[keyof LimiterEvents] }[] = [];
  const stops = events.map((event) =>
    observe(event, (message) => {
      if (message.name?.startsWith(NAME) === true) told.push({ event, message });
    }),
  );
  return {
    told,
    [Symbol.dispose]() {
      for (const stop of stops) stop();
    },
  };
}

it('publishes the life of a permit in order', async () => {
  using log = record(...EVENTS);
  const clock = new FakeClock();
  const semaphore = new Semaphore(2, { name: NAME, clock });
  const first = semaphore.tryAcquire({ weight: 2 });
  const second = semaphore.acquire();
  clock.advance(30);
  first?.release();
  (await second).release('overload');
  await turn();
  const from = { name: NAME, key: undefined };
  const queued = { ...from, weight: 1 };
  expect(log.told).toEqual([
    { event: 'acquire', message: { ...from, weight: 2, waitMs: 0, queued: undefined } },
    { event: 'queued', message: queued },
    { event: 'release', message: { ...from, weight: 2, outcome: 'success', holdMs: 30 } },
    { event: 'acquire', message: { ...from, weight: 1, waitMs: 30, queued } },
    { event: 'release', message: { ...from, weight: 1, outcome: 'overload', holdMs: 0 } },
  ]);
  expect(log.told.every(({ message }) => Object.isFrozen(message))).toBe(true);
});

it('names in the end of a wait the very message of its beginning', async () => {
  using log = record('queued', 'acquire');
  const semaphore = new Semaphore(0, { name: NAME });
  const waits = [semaphore.acquire(), semaphore.acquire()];
  semaphore.resize(2);
  await Promise.all(waits);
  await turn();
  const told = log.told.map(({ message }) => message);
  expect(told).toHaveLength(4);
  expect(told[2]).toHaveProperty('queued', told[0]);
  expect((told[2] as LimiterEvents['acquire']).queued).toBe(told[0]);
  expect((told[3] as LimiterEvents['acquire']).queued).toBe(told[1]);
});

it('publishes every way in which a call can fail', async () => {
  using log = record('reject');
  const clock = new FakeClock();
  const semaphore = new Semaphore(0, { name: NAME, queueLimit: 3, clock });
  const leaving = new AbortController();
  watch(semaphore.acquire({ maxWaitMs: 0 }));
  watch(semaphore.acquire({ signal: AbortSignal.abort() }));
  watch(semaphore.acquire({ maxWaitMs: 10 }));
  watch(semaphore.acquire({ signal: leaving.signal }));
  watch(semaphore.acquire());
  watch(semaphore.acquire());
  clock.advance(20);
  leaving.abort();
  semaphore.close();
  watch(semaphore.acquire());
  await turn();
  const queued = { name: NAME, key: undefined, weight: 1 };
  expect(log.told.map(({ message }) => message)).toMatchObject([
    { code: 'ERR_SEMAPHORE_WAIT_TIMEOUT', waitMs: 0, queued: undefined },
    { code: undefined, waitMs: 0, queued: undefined },
    { code: 'ERR_SEMAPHORE_QUEUE_FULL', waitMs: 0, queued: undefined },
    { code: 'ERR_SEMAPHORE_WAIT_TIMEOUT', waitMs: 10, queued },
    { code: undefined, waitMs: 20, queued },
    { code: 'ERR_SEMAPHORE_CLOSED', waitMs: 20, queued },
    { code: 'ERR_SEMAPHORE_CLOSED', waitMs: 0, queued: undefined },
  ]);
});

it('publishes which waiter a full queue evicts for a newcomer', async () => {
  using log = record('reject');
  const semaphore = new Semaphore(0, { name: NAME, queueLimit: 1, order: 'lifo' });
  watch(semaphore.acquire());
  const second = watch(semaphore.acquire());
  await turn();
  expect(second.state).toBe('pending');
  expect(log.told).toMatchObject([{ message: { code: 'ERR_SEMAPHORE_QUEUE_FULL', queued: { weight: 1 } } }]);
});

it('publishes changes of the limit only', async () => {
  using log = record('limit');
  const semaphore = new Semaphore(2, { name: NAME });
  semaphore.resize(2);
  semaphore.resize(5);
  await turn();
  expect(log.told.map(({ message }) => message)).toEqual([
    { name: NAME, key: undefined, permits: 5, previous: 2 },
  ]);
});

it('names the key and its KeyedSemaphore, in one event each', async () => {
  using log = record(...EVENTS);
  const keyed = new KeyedSemaphore((key) => new Semaphore(1, { name: `limiter of ${key}`, queueLimit: 0 }), {
    name: `${NAME} per user`,
    maxKeys: 1,
  });
  const permit = keyed.tryAcquire('alice');
  watch(keyed.acquire('alice'));
  watch(keyed.acquire('bob'));
  permit?.release();
  await turn();
  expect(log.told).toMatchObject([
    { event: 'acquire', message: { name: `${NAME} per user`, key: 'alice' } },
    {
      event: 'reject',
      message: { name: `${NAME} per user`, key: 'alice', code: 'ERR_SEMAPHORE_QUEUE_FULL' },
    },
    {
      event: 'reject',
      message: { name: `${NAME} per user`, key: undefined, code: 'ERR_SEMAPHORE_KEY_LIMIT' },
    },
    { event: 'release', message: { name: `${NAME} per user`, key: 'alice' } },
  ]);
  const nameless = new KeyedSemaphore(() => new Semaphore(1, { name: `${NAME} inner` }));
  nameless.tryAcquire('carol');
  await turn();
  expect(log.told.at(-1)?.message).toMatchObject({ name: `${NAME} inner`, key: 'carol' });
});

it('publishes the start of a wait in the async context of the caller', async () => {
  const requests = new AsyncLocalStorage<string>();
  const seen: (string | undefined)[] = [];
  const stop = observe('queued', ({ name }) => {
    if (name === NAME) seen.push(requests.getStore());
  });
  const semaphore = new Semaphore(0, { name: NAME });
  requests.run('a', () => watch(semaphore.acquire()));
  requests.run('b', () => watch(semaphore.acquire()));
  await turn();
  stop();
  expect(seen).toEqual(['a', 'b']);
});

it('lets no listener meddle with a limiter half-way', async () => {
  const clock = new FakeClock();
  const semaphore = new Semaphore(1, { clock });
  const held = semaphore.tryAcquire();
  // At this moment the waiter that has timed out may still be queued.
  const stop = observe('reject', () => held?.release());
  const late = watch(semaphore.acquire({ maxWaitMs: 10 }));
  clock.advance(10);
  await turn();
  stop();
  expect(late.state).toBe('rejected');
  expect(semaphore.stats()).toMatchObject({ held: 0, waiting: 0, acquired: 1 });
  expect(semaphore.waiting).toBe(0);
});

it('costs no object and no clock read without a listener, and stops on request', async () => {
  const clock = new FakeClock();
  const semaphore = new Semaphore(1, { clock });
  const told: unknown[] = [];
  observe('release', (message) => told.push(message))();
  const readings = jest.spyOn(clock, 'now');
  semaphore.tryAcquire()?.release();
  await turn();
  expect(readings).not.toHaveBeenCalled();
  expect(told).toEqual([]);
  expect(EVENTS.filter((event) => channel(`express-semaphore:${event}`).hasSubscribers)).toEqual([]);
});

it.each(['acquire', 'reject'] as const)(
  'reads the clock for %s only while there is a listener',
  async (event) => {
    const clock = new FakeClock();
    const now = jest.spyOn(clock, 'now');
    const readings = async () => {
      now.mockClear();
      const semaphore = new Semaphore(1, { name: NAME, clock, queueLimit: 3 });
      const leaving = new AbortController();
      const held = semaphore.tryAcquire();
      for (const options of [{ maxWaitMs: 10 }, { signal: leaving.signal }, {}])
        watch(semaphore.acquire(options));
      clock.advance(10);
      leaving.abort();
      held?.release();
      await turn();
      return now.mock.calls.length;
    };
    const unheard = await readings();
    using log = record(event);
    const heard = await readings();
    const afterWaits = log.told.filter(({ message }) => 'queued' in message && message.queued !== undefined);
    expect(afterWaits.length).toBeGreaterThan(0);
    expect(heard - unheard).toBe(afterWaits.length);
  },
);

it.each(EVENTS)('publishes %s on the channel of that name', (event) => {
  const { hasSubscribers: isHeardBefore } = channel(`express-semaphore:${event}`);
  const stop = observe(event, () => undefined);
  const { hasSubscribers: isHeard } = channel(`express-semaphore:${event}`);
  stop();
  expect([isHeardBefore, isHeard]).toEqual([false, true]);
});

it('can be heard on the channels of Node themselves', async () => {
  const told: unknown[] = [];
  const listener = (message: unknown) => {
    if ((message as LimiterEvents['acquire']).name === NAME) told.push(message);
  };
  subscribe('express-semaphore:acquire', listener);
  new Semaphore(1, { name: NAME }).tryAcquire();
  await turn();
  unsubscribe('express-semaphore:acquire', listener);
  expect(told).toMatchObject([{ name: NAME, weight: 1 }]);
});

it('has the waitMs of a wait that began before the first listener, and no message of its start', async () => {
  const clock = new FakeClock();
  const semaphore = new Semaphore(0, { name: NAME, clock });
  const waits = Array.from({ length: 20 }, () => semaphore.acquire());
  clock.advance(5);
  using log = record('acquire');
  semaphore.resize(20);
  await Promise.all(waits);
  await turn();
  expect(log.told).toHaveLength(20);
  expect(log.told.at(-1)?.message).toMatchObject({ waitMs: 5, queued: undefined });
});
