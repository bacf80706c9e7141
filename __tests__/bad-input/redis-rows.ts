import { Semaphore } from 'express-semaphore';
import { aimd, SharedAdaptiveSemaphore } from 'express-semaphore/adaptive';
import { RedisSemaphore } from 'express-semaphore/redis';
import type { RedisClient, RedisSemaphoreOptions } from 'express-semaphore/redis';
import { SAMPLE_EXCHANGE } from '../../lib/core/sample-exchange';
import { anything, duration, integer, integerOrInfinity, like, oneOf, string } from './kinds';
import type { Kind } from './kinds';
import { limiterRows } from './limiter-rows';
import { plainRow, rowsOf } from './row';
import type { Row } from './row';

const OPTIONS: Record<string, Kind> = {
  name: string,
  permits: integer(0),
  version: integer(0),
  prefix: {
    errorOf: (value) =>
      string.errorOf(value) ?? (/^[\w:.-]+$/.test(value as string) ? undefined : RangeError),
    good: 'a',
  },
  order: oneOf('fifo', 'priority'),
  queueLimit: integerOrInfinity(0),
  maxWaitMs: duration,
  maxHoldMs: duration,
  leaseMs: integer(100, Math.floor((2 ** 31 - 1) / 3)),
  prefetch: integer(1),
  onUnavailable: oneOf('local', 'open', 'closed'),
  expectedNodes: integer(1),
  timeoutMs: integer(1, 2 ** 31 - 1),
};

/** Replaces the client, which exists only when the rows run. */
const CLIENT = {};

/** A limiter that no process shares, so the methods of an adaptive one over it send nothing. */
function sharedSemaphore(): Semaphore {
  const exchange = () => new Promise(() => undefined);
  return Object.assign(new Semaphore(3), { [SAMPLE_EXCHANGE]: { exchange } });
}

/** Rows for a limit in Redis. `client` is called when they run. */
export function redisRows(client: () => RedisClient): Row[] {
  let names = 0;
  const make = () => new RedisSemaphore(client(), { name: `bad input ${++names}`, permits: 3 });
  return [
    plainRow('RedisSemaphore', 'client', like(CLIENT), (value) => {
      new RedisSemaphore(value === CLIENT ? client() : (value as RedisClient), { name: 'a', permits: 1 });
    }),
    ...rowsOf({
      name: 'RedisSemaphore',
      type: 'RedisSemaphoreOptions',
      kinds: OPTIONS,
      required: { name: 'a', permits: 1 },
      start: () => ({ call: (options) => new RedisSemaphore(client(), options as RedisSemaphoreOptions) }),
    }),
    ...limiterRows('RedisSemaphore', make, ['run', 'resize']),
    plainRow('SharedAdaptiveSemaphore', 'limiter', like(CLIENT), (value) => {
      new SharedAdaptiveSemaphore(value === CLIENT ? make() : (value as RedisSemaphore));
    }),
    ...rowsOf({
      name: 'SharedAdaptiveSemaphore',
      type: 'SharedAdaptiveOptions',
      kinds: {
        algorithm: like(aimd()),
        eventLoopLoad: like({ busyMs: () => 0 }),
        clock: like({ now: () => 0, setTimer: () => 0, clearTimer: () => undefined }),
      },
      start: () => ({ call: (options) => new SharedAdaptiveSemaphore(make(), options as object) }),
    }),
    ...limiterRows('SharedAdaptiveSemaphore', () => new SharedAdaptiveSemaphore(sharedSemaphore()), [
      'run',
      'order',
    ]),
    plainRow('RedisSemaphore.ready', 'nothing', anything, () => make().ready()),
  ];
}
