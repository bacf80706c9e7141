import { getEventListeners } from 'node:events';
import express from 'express';
import { HoldTimeoutError, limit, observe } from 'express-semaphore';
import { withDelay, withMessages } from '../helpers/meddling';
import { withRedis } from '../helpers/needs';
import { RedisNodes } from '../helpers/redis-nodes';
import { firstLeaseEnd } from '../helpers/redis-state';
import { serve, succeedsOnce, until } from '../helpers/serve';
import { watch } from '../helpers/watch';

/** Ends a lease in Redis as time would: the first key has the holders, the second one the state. */
const END_LEASES = `
  local state = { cmsgpack.unpack(redis.call('GET', KEYS[2])) }
  state[11] = 0
  redis.call('SET', KEYS[2], cmsgpack.pack(unpack(state)))
  for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do redis.call('ZADD', KEYS[1], 1, member) end
  return 'OK'`;

withRedis.describe('A lease in Redis', () => {
  const nodes = RedisNodes.use('lease');

  it('aborts the signal of a permit held for maxHoldMs, and still counts and renews it', async () => {
    const semaphore = nodes.make(0, { permits: 1, maxHoldMs: 30, leaseMs: 12_000 });
    const timeouts: unknown[] = [];
    const stop = observe('holdTimeout', (event) => timeouts.push(event));
    const permit = await semaphore.acquire();
    const { signal } = permit;
    await until(() => signal.aborted);
    expect(signal.reason).toBeInstanceOf(HoldTimeoutError);
    expect(timeouts).toEqual([{ name: semaphore.name, key: undefined, weight: 1 }]);
    expect(semaphore.stats()).toMatchObject({ held: 1, rejected: { ERR_SEMAPHORE_HOLD_TIMEOUT: 1 } });
    const end = (): Promise<number> => firstLeaseEnd((...args) => nodes.command(...args), nodes.name);
    const endAtTimeout = await end();
    await until(async () => (await end()) > endAtTimeout);
    expect([semaphore.held, (await nodes.state()).holders]).toEqual([1, 1]);
    permit.release();
    await semaphore.idle();
    expect((await nodes.state()).holders).toBe(0);

    const late = await semaphore.acquire();
    await until(() => semaphore.stats().rejected.ERR_SEMAPHORE_HOLD_TIMEOUT === 2);
    expect(late.signal.reason).toBeInstanceOf(HoldTimeoutError);
    late.release();
    const quick = await semaphore.acquire();
    quick.release();
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(quick.signal.aborted).toBe(false);
    stop();
    await semaphore.idle();
  });

  it('lets limit end a response that holds its permit for maxHoldMs', async () => {
    const semaphore = nodes.make(0, { permits: 1, maxHoldMs: 30 });
    const app = express().use(limit(semaphore), () => undefined);
    await using server = await serve(app);
    const answer = await fetch(server.url);
    expect([answer.status, await answer.json()]).toMatchObject([503, { code: 'ERR_SEMAPHORE_HOLD_TIMEOUT' }]);
    await semaphore.idle();
    expect((await nodes.state()).holders).toBe(0);
  });

  it('leaves no listener on the signal of its caller when the signal is read after the release', async () => {
    const semaphore = nodes.make(0, { permits: 1 });
    const { signal } = new AbortController();
    const permit = await semaphore.acquire({ signal });
    permit.release();
    expect([permit.signal.aborted, getEventListeners(signal, 'abort')]).toEqual([false, []]);
    await semaphore.idle();
  });

  it('leaves no listener on the signal of its caller after the release', async () => {
    const semaphore = nodes.make(0, { permits: 1 });
    const { signal } = new AbortController();
    const permit = await semaphore.acquire({ signal });
    expect(permit.signal.aborted).toBe(false);
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    permit.release();
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    await semaphore.idle();
  });

  it('counts as lost a tenth of its length before Redis ends it', async () => {
    const leaseMs = 2_000;
    const semaphore = nodes.make(0, { permits: 1, leaseMs });
    await semaphore.ready();
    const permit = await semaphore.acquire();
    block(0.92 * leaseMs);
    expect(permit.signal.aborted).toBe(true);
    expect(permit.signal.reason).toMatchObject({ code: 'ERR_SEMAPHORE_LEASE_LOST' });
    await semaphore.idle();
  });

  it('keeps the place of the waiters of its process when it ends while that process lives', async () => {
    const [a, b] = nodes.pair({ permits: 1, leaseMs: 30_000 });
    const keepsPlace = async (): Promise<boolean> => {
      await a.acquire();
      const first = watch(a.acquire());
      await until(async () => (await nodes.state()).waiters === 1);
      const second = watch(b.acquire());
      await until(async () => (await nodes.state()).waiters === 2);
      // One connection carries both, so this process is the first that Redis hears of.
      const ended = nodes.command('EVAL', END_LEASES, '2', nodes.key('h'), nodes.key('m'));
      const tried = watch(a.acquire({ maxWaitMs: 0 }));
      await ended;
      await until(() => first.state === 'fulfilled' || second.state === 'fulfilled');
      // The other process checks every 750 ms. It is served if Redis hears of it first.
      const isKept = first.state === 'fulfilled' && second.state === 'pending';
      const [served, next] = isKept ? [first, second] : [second, first];
      await until(() => tried.state === 'rejected');
      served.value.release();
      await until(() => next.state === 'fulfilled');
      next.value.release();
      await b.idle();
      return isKept;
    };
    expect(await succeedsOnce(keepsPlace)).toBe(true);
  });

  it('may be followed by another one at once after more than its length without callers', async () => {
    const leaseMs = 1_000;
    const semaphore = nodes.make(0, { permits: 1, leaseMs });
    await semaphore.run(() => undefined);
    await semaphore.idle();
    await new Promise((resolve) => setTimeout(resolve, 1.3 * leaseMs));
    const permit = await semaphore.acquire({ maxWaitMs: 0 });
    permit.release();
    await semaphore.idle();
  });

  it('begins when Redis grants it, not when the message of the grant arrives', async () => {
    const leaseMs = 4_000;
    const delayed = withDelay(nodes.clients[1].client);
    let scriptsAtArrival = Infinity;
    const late = withMessages(delayed.client, (deliver) => (message) => {
      // A node publishes to itself for `ready()`.
      if (!message.startsWith('!')) {
        block(0.95 * leaseMs);
        scriptsAtArrival = Math.min(scriptsAtArrival, delayed.scripts);
      }
      deliver(message);
    });
    const giver = nodes.make(0, { permits: 1, leaseMs });
    const taker = nodes.make(late, { permits: 1, leaseMs });
    await Promise.all([giver.ready(), taker.ready()]);
    const held = await giver.acquire();
    let scriptsAtGrant = 0;
    let isAbortedAtGrant: boolean | undefined;
    const next = watch(
      taker.acquire().then((permit) => {
        scriptsAtGrant = delayed.scripts;
        isAbortedAtGrant = permit.signal.aborted;
        return permit;
      }),
    );
    await until(async () => (await nodes.state()).waiters === 1);
    held.release();
    await until(() => next.state === 'fulfilled');
    // The lease was about to end, so the process sent its request once more before it granted the permit.
    expect(scriptsAtArrival).toBeLessThan(Infinity);
    expect(scriptsAtGrant).toBeGreaterThan(scriptsAtArrival);
    expect(isAbortedAtGrant).toBe(false);
    next.value.release();
    await Promise.all([giver.idle(), taker.idle()]);
  });

  it('of a dead process is requested when it ends, not at the next usual check', async () => {
    const delayed = withDelay(nodes.clients[0].client);
    const semaphore = nodes.make(delayed.client, { permits: 1 });
    // A new subscription would be a reason to check, too.
    await semaphore.ready();
    const isRequestedInTime = async (): Promise<boolean> => {
      await nodes.command('ZADD', nodes.key('h'), String(Date.now() + 300), 'dead.1.1');
      // Redis counts the holders again.
      await nodes.command('DEL', nodes.key('m'));
      const { scripts } = delayed;
      const start = performance.now();
      const permit = await semaphore.acquire();
      const waited = performance.now() - start;
      permit.release();
      await semaphore.idle();
      // The request found no free permit. The usual check is due after 750 ms.
      return delayed.scripts > scripts + 1 && waited < 740;
    };
    expect(await succeedsOnce(isRequestedInTime)).toBe(true);
  });
});

/** Blocks the event loop. */
function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}
