import { RedisSemaphore } from '../../lib/redis';
import type { RedisSemaphoreOptions } from '../../lib/redis';
import { CircuitBreaker } from '../../lib/redis/sync/circuit-breaker';
import { FakeClock } from 'express-semaphore/testing';
import { withRedis } from '../helpers/needs';
import { CLIENTS } from '../helpers/redis-clients';
import type { TestClient } from '../helpers/redis-clients';
import { RedisServer } from '../helpers/redis-server';
import { until } from '../helpers/serve';
import { turn, watch } from '../helpers/watch';

const TIMEOUT_MS = 250;

describe('A circuit breaker', () => {
  let clock: FakeClock;
  let breaker: CircuitBreaker;
  let seen: string[];

  beforeEach(() => {
    clock = new FakeClock();
    breaker = new CircuitBreaker(TIMEOUT_MS, clock);
    seen = [];
    breaker.join(member);
  });

  const member = {
    down: () => {
      seen.push('down');
    },
    up: () => {
      seen.push('up');
    },
    probe: () => {
      seen.push('probe');
    },
  };

  /** Lets time pass in small steps, as an event loop that is not blocked does. */
  async function pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 10) {
      clock.advance(10);
      await turn();
    }
  }

  it('opens after a silence of its time limit and probes at once', async () => {
    breaker.called({}, member);
    await pass(TIMEOUT_MS - 50);
    expect(breaker.isOpen).toBe(false);
    await pass(100);
    expect(seen).toEqual(['down', 'probe']);
  });

  it('stays closed while any answers arrive, errors of the server included', async () => {
    breaker.called({}, member);
    for (let i = 0; i < 20; i++) {
      const call = {};
      breaker.called(call, member);
      await pass(100);
      breaker.answered(call);
    }
    expect(breaker.isOpen).toBe(false);
  });

  it('does not take a blocked event loop for a silence', async () => {
    let now = 0;
    let fire: (() => void) | undefined;
    const blocked = new CircuitBreaker(TIMEOUT_MS, {
      now: () => now,
      setTimer: (timer) => (fire = timer),
      clearTimer: () => undefined,
    });
    blocked.called({}, member);
    for (let i = 0; i < 3; i++) {
      now += 2_000;
      fire?.();
      await turn();
    }
    expect(blocked.isOpen).toBe(false);
  });

  it('stays closed when an answer arrives at the end of the silence, and measures the next silence', async () => {
    const call = {};
    breaker.called(call, member);
    breaker.called({}, member);
    await pass(TIMEOUT_MS - 50);
    // The tick that ends the silence waits for what has arrived.
    for (let i = 0; i < 10; i++) clock.advance(10);
    breaker.answered(call);
    await turn();
    expect(breaker.isOpen).toBe(false);
    await pass(TIMEOUT_MS + 100);
    expect(seen).toEqual(['down', 'probe']);
  });

  it('rests when the last answer arrives at the end of the silence', async () => {
    const call = {};
    breaker.called(call, member);
    await pass(TIMEOUT_MS - 50);
    for (let i = 0; i < 10; i++) clock.advance(10);
    breaker.answered(call);
    await pass(4 * TIMEOUT_MS);
    expect([breaker.isOpen, clock.timers]).toEqual([false, 0]);
  });

  it('opens when calls fail without an answer, and closes with the first answer, however late', async () => {
    const late = {};
    breaker.called(late, member);
    for (let i = 0; i < 40; i++) {
      const call = {};
      breaker.called(call, member);
      breaker.failed(call, new Error(`lost ${i}`));
      await pass(10);
    }
    expect(breaker.isOpen).toBe(true);
    expect(breaker.cause).toEqual(new Error('lost 39'));
    breaker.answered(late);
    expect(breaker.isOpen).toBe(false);
    expect(seen).toEqual(['down', 'probe', 'up']);
  });

  it('goes on probing while it is open, with a bound on probes without an answer', async () => {
    breaker.called({}, member);
    await pass(20 * TIMEOUT_MS);
    const probes = seen.filter((event) => event === 'probe').length;
    expect(probes).toBeGreaterThan(2);
    expect(probes).toBeLessThan(6);
  });
});

withRedis.describe.each(Object.entries(CLIENTS))('Through %s, Redis counts as up', (_, connect) => {
  let server: RedisServer;
  let connected: TestClient;

  beforeEach(async () => {
    server = await RedisServer.start();
    connected = await connect(server.port);
  }, 120_000);

  afterEach(async () => {
    await connected[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  function make(options: Partial<RedisSemaphoreOptions> & { name: string }): RedisSemaphore {
    return new RedisSemaphore(connected.client, { permits: 1, onUnavailable: 'closed', ...options });
  }

  it('for all other limits when one has a key of another type', async () => {
    const good = make({ name: 'good', timeoutMs: 1_000 });
    await good.ready();
    await connected.command('SET', '{semaphore:bad}:h', 'a text');
    const bad = make({ name: 'bad', timeoutMs: 1_000 });
    const error: unknown = await bad.acquire().catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'ERR_SEMAPHORE_BACKEND',
      cause: { message: expect.stringMatching(/WRONGTYPE|wrong kind/) as string },
    });
    expect([bad.stats().backend, good.stats().backend]).toEqual(['down', 'up']);
    for (let i = 0; i < 20; i++) await good.run((permit) => permit.fencingToken);
    // It comes back as soon as the key is what it should be.
    await connected.command('DEL', '{semaphore:bad}:h');
    await until(() => bad.stats().backend === 'up');
    await bad.run(() => undefined);
    await Promise.all([good.idle(), bad.idle()]);
  });

  it('when this process is paused for longer than the time limit', async () => {
    const semaphore = make({ name: 'stalled', permits: 100 });
    await semaphore.ready();
    for (let i = 0; i < 8; i++) {
      const callers = Array.from({ length: 10 }, () => watch(semaphore.acquire()));
      if (i % 2 === 0) await turn();
      const end = performance.now() + (i < 4 ? 300 : 600);
      while (performance.now() < end);
      await until(() => callers.every(({ state }) => state === 'fulfilled'));
      for (const { value } of callers) value.release();
    }
    expect(semaphore.stats()).toMatchObject({ backend: 'up', acquired: 80 });
    await semaphore.idle();
  });

  it('when thousands of keys, or of waiters of one key, call in one turn', async () => {
    // Other processes of a busy machine can keep the server from the processor for longer than the default.
    const timeoutMs = 4_000;
    const keys = Array.from({ length: 4_000 }, (__, i) => make({ name: `key-${i}`, timeoutMs }));
    const one = make({ name: 'one', permits: 5, timeoutMs });
    await one.ready();
    await Promise.all(keys.map((key) => key.run(() => undefined)));
    await Promise.all(Array.from({ length: 10_000 }, () => one.run(() => undefined)));
    expect(one.stats()).toMatchObject({ backend: 'up', acquired: 10_000 });
    await one.idle();
  });
});
