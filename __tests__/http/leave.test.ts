import { AdaptiveSemaphore, aimd } from 'express-semaphore/adaptive';
import { chain, KeyedSemaphore, limit, Semaphore } from 'express-semaphore';
import type { AcquireOptions, Limiter, Middleware } from 'express-semaphore';
import { foreignLimiter } from '../helpers/foreign-limiter';
import { RawClient, serve, until } from '../helpers/serve';

const WAIT = { maxWaitMs: 60_000 };

/** Counts the AbortControllers that are made until it is disposed. */
function countControllers() {
  const Original = AbortController;
  const counter = {
    made: 0,
    [Symbol.dispose]() {
      globalThis.AbortController = Original;
    },
  };
  globalThis.AbortController = class extends Original {
    constructor() {
      super();
      counter.made++;
    }
  };
  return counter;
}

/** Sends a request that has to wait, and calls `waited` before its client leaves. */
async function leaveWhileWaiting(limited: Middleware, isWaiting: () => boolean, waited = () => undefined) {
  const next = jest.fn();
  await using server = await serve((req, res) => {
    limited(req, res, next);
  });
  const client = await RawClient.connect(server.port);
  client.get('/');
  await until(isWaiting);
  waited();
  client.reset();
  await until(() => !isWaiting());
  expect(next).not.toHaveBeenCalled();
}

it.each([
  ['ordinary Semaphore', () => new Semaphore(1)],
  [
    'AdaptiveSemaphore',
    () => new AdaptiveSemaphore({ algorithm: aimd({ minPermits: 1, initialPermits: 1 }) }),
  ],
])('a request that waits for an %s makes no AbortController, nor does its end', async (_name, create) => {
  const limiter: Limiter = create();
  limiter.tryAcquire();
  using counter = countControllers();
  await leaveWhileWaiting(limit(limiter, WAIT), () => limiter.stats().waiting === 1);
  expect(limiter.stats()).toMatchObject({ waiting: 0, aborted: 1 });
  expect(counter.made).toBe(0);
});

it('a request that waits for a key makes no AbortController, nor does its end', async () => {
  const keyed = new KeyedSemaphore(() => new Semaphore(1));
  keyed.tryAcquire('ann');
  using counter = countControllers();
  await leaveWhileWaiting(limit(keyed, { ...WAIT, key: () => 'ann' }), () => keyed.stats().waiting === 1);
  expect(keyed.stats()).toMatchObject({ waiting: 0, aborted: 1 });
  expect(counter.made).toBe(0);
});

it.each([
  ['first', 0],
  ['second', 1],
])('a request that waits for the %s limiter of a chain makes no AbortController', async (_name, index) => {
  const parts = [new Semaphore(1), new Semaphore(1)];
  const part = parts[index];
  part?.tryAcquire();
  using counter = countControllers();
  await leaveWhileWaiting(limit(chain(...parts), WAIT), () => part?.waiting === 1);
  expect(parts.map(({ held }) => held)).toEqual([1 - index, index]);
  expect(part?.stats()).toMatchObject({ waiting: 0, aborted: 1 });
  expect(counter.made).toBe(0);
});

it('a request that waits for both limiters of a chain leaves the second when its client does', async () => {
  const parts = [new Semaphore(1), new Semaphore(1)] as const;
  const first = parts[0].tryAcquire();
  parts[1].tryAcquire();
  using counter = countControllers();
  await leaveWhileWaiting(limit(chain(...parts), WAIT), () => {
    if (parts[0].waiting === 1) first?.release();
    return parts[1].waiting === 1;
  });
  await until(() => parts[0].held === 0);
  expect(parts[1].stats()).toMatchObject({ held: 1, waiting: 0, aborted: 1 });
  expect(counter.made).toBe(0);
});

describe('a limiter of another package', () => {
  it('gets an AbortSignal that aborts when the client leaves', async () => {
    const inner = new Semaphore(0);
    const seen: AcquireOptions[] = [];
    const foreign = foreignLimiter(inner, (options) => {
      seen.push(options);
      const { signal } = options;
      return { maxWaitMs: Infinity, signal };
    });
    await leaveWhileWaiting(limit(foreign, WAIT), () => inner.waiting === 1);
    expect(seen[0]?.signal).toBeInstanceOf(AbortSignal);
    expect(seen[0]?.signal?.reason).toMatchObject({ name: 'AbortError', message: 'The client has gone' });
  });

  it('may copy the options, whose signal still ends the wait', async () => {
    const inner = new Semaphore(0);
    const foreign = foreignLimiter(inner, (options) => ({ ...options, maxWaitMs: Infinity }));
    await leaveWhileWaiting(limit(foreign, WAIT), () => inner.waiting === 1);
    expect(inner.stats().aborted).toBe(1);
  });

  it('may replace the signal, and then only its own ends the wait', async () => {
    const inner = new Semaphore(0);
    const own = new AbortController();
    const foreign = foreignLimiter(inner, (options) => ({ ...options, signal: own.signal }));
    await leaveWhileWaiting(
      limit(foreign, WAIT),
      () => inner.waiting === 1,
      () => {
        own.abort();
        expect(inner.waiting).toBe(0);
      },
    );
    expect(inner.stats().aborted).toBe(1);
  });
});
