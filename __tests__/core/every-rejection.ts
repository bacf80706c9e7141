// Run as a process of its own: every way for a call to fail. Each rejection is handled by its caller.
import { AdaptiveSemaphore } from '../../lib/adaptive/index';
import { chain, KeyedSemaphore, Semaphore, withSemaphore } from '../../lib/index';
import type { AcquireOptions, Permit } from '../../lib/index';

interface AnyLimiter {
  acquire(options?: AcquireOptions): Promise<Permit>;
  close(): void;
}

const outcomes: string[] = [];

async function tryEverything(limiter: AnyLimiter): Promise<void> {
  const leaving = new AbortController();
  const held = await limiter.acquire();
  const calls = [
    limiter.acquire({ weight: 0 }),
    limiter.acquire({ weight: 5 }),
    limiter.acquire({ maxWaitMs: -1 }),
    limiter.acquire({ maxWaitMs: 0 }),
    limiter.acquire({ maxWaitMs: 1 }),
    limiter.acquire({ signal: AbortSignal.abort() }),
    limiter.acquire({ signal: leaving.signal }),
    limiter.acquire({ signal: AbortSignal.timeout(1) }),
    limiter.acquire({ maxWaitMs: Infinity }),
    limiter.acquire(),
  ].map(heard);
  leaving.abort();
  const work = Promise.reject(new Error('the work failed'));
  held.hold(work.catch(() => undefined));
  await new Promise((resolve) => setTimeout(resolve, 20));
  limiter.close();
  held.release();
  await Promise.all([...calls, heard(limiter.acquire())]);
}

async function heard(call: Promise<unknown>): Promise<void> {
  try {
    await call;
    outcomes.push('granted');
  } catch (error) {
    outcomes.push(error instanceof Error ? error.name : String(error));
  }
}

async function main(): Promise<void> {
  const options = { queueLimit: 4 };
  await tryEverything(new Semaphore(1, options));
  await tryEverything(new AdaptiveSemaphore(options));
  const keyed = new KeyedSemaphore(() => new Semaphore(1, options), { maxKeys: 1 });
  await tryEverything({
    acquire: (options) => keyed.acquire('a', options),
    close: () => {
      keyed.close();
    },
  });
  const full = new KeyedSemaphore(() => new Semaphore(1), { maxKeys: 1 });
  full.tryAcquire('a');
  await heard(full.acquire('b'));
  const closed = new Semaphore(1);
  closed.close();
  await heard(withSemaphore(closed)(async () => Promise.resolve())());
  await heard(closed.run(() => undefined));
  await heard(new Semaphore(1).run(() => Promise.reject(new Error('the work failed'))));
  for (const call of callsOfAsyncOptions()) await heard(call);
  console.log(JSON.stringify(outcomes));
}

/** Calls whose option functions return promises that reject, where no promise is allowed. */
function callsOfAsyncOptions(): Promise<unknown>[] {
  const rejecting = (): never => Promise.reject(new Error('of an option')) as never;
  const perKey = new KeyedSemaphore(() => new Semaphore(1));
  const queue = new Semaphore(0, { order: { name: 'fair', share: rejecting } });
  return [
    withSemaphore(perKey, { key: rejecting })(async () => Promise.resolve())(),
    withSemaphore(new Semaphore(1), { weight: rejecting })(async () => Promise.resolve())(),
    chain([perKey, rejecting]).acquire('a'),
    queue.acquire(),
  ];
}

void main();
