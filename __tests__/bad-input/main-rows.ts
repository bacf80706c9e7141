import { createServer } from 'node:http';
import type { Server } from 'node:http';
import * as lib from 'express-semaphore';
import * as adaptiveLib from 'express-semaphore/adaptive';
import * as redisLib from 'express-semaphore/redis';
import type { Limiter, LimiterEvents, Order, SemaphoreError } from 'express-semaphore';
import type { LimitAlgorithm } from 'express-semaphore/adaptive';
import { ORDER_NAMES as ORDERS } from '../../lib/orders';
import { systemClock } from '../../lib/internal/clock';
import {
  aFunction,
  anything,
  boolean,
  duration,
  either,
  integer,
  integerOrInfinity,
  like,
  limiters,
  number,
  object,
  oneOf,
  optional,
  string,
} from './kinds';
import type { Kind } from './kinds';
import { countsOf, limiterRows, WAIT } from './limiter-rows';
import { plainRow, row, rowsOf } from './row';
import type { Row, Trial } from './row';
import type { LimiterSubject } from './limiter-rows';

const SEMAPHORE: Record<string, Kind> = {
  name: string,
  queueLimit: integerOrInfinity(0),
  maxWaitMs: duration,
  order: oneOf(...ORDERS),
  warnHeldMs: duration,
  maxHoldMs: duration,
  clock: like(systemClock),
};
const BOUNDS: Record<string, Kind> = {
  minPermits: integer(1),
  maxPermits: integer(3),
  initialPermits: integer(3, 1_000),
};
const LIMIT: Record<string, Kind> = {
  maxWaitMs: duration,
  deadlineMs: duration,
  maxHoldMs: duration,
  statusCode: integer(400, 599),
  onRejected: aFunction(),
  skip: aFunction(),
  isOverload: aFunction(),
  retryJitter: boolean,
  message: string,
  rateLimitHeaders: boolean,
  dryRun: boolean,
  weight: either(integer(1), aFunction()),
  priority: either(integer(-100, 100), aFunction()),
  flow: either(string, aFunction()),
};

/** The options of `withSemaphore`: fixed, or computed for each call. */
const CALL = Object.fromEntries(
  Object.entries(WAIT).map(([name, kind]) => [name, either(kind, aFunction())]),
);

/** The options that a function can compute for each call. */
const PER_CALL = Object.fromEntries(Object.entries(WAIT).filter(([name]) => name !== 'onQueued'));

/** `admission` calls nothing and has no dry run. */
const ADMISSION = Object.fromEntries(
  Object.entries(LIMIT).filter(([name]) => !['onRejected', 'dryRun'].includes(name)),
);

/** An upgrade has no response. */
const UPGRADE = Object.fromEntries(
  Object.entries(ADMISSION).filter(
    ([name]) => !['isOverload', 'rateLimitHeaders', 'deadlineMs'].includes(name),
  ),
);

/** What an algorithm may say: what is below 1 counts as 1. */
const LIMIT_FOUND: Kind = number((value) => value < 2 ** 53, 1);

/** What can be iterated. */
const ITERABLE: Kind = {
  errorOf: (value) => (typeof value === 'string' || Array.isArray(value) ? undefined : TypeError),
  good: [1],
};

type Kinds = Readonly<Record<string, Kind>>;

const semaphore = () => new lib.Semaphore(3);
const keyed = () => new lib.KeyedSemaphore(semaphore);
const adaptive = () => new adaptiveLib.AdaptiveSemaphore({ algorithm: { initial: 3, next: () => 3 } });
const limiter: Kind = like(semaphore());
const next = () => undefined;

const ERRORS: Record<string, new (message: string, options?: { retryAfterMs?: number }) => SemaphoreError> = {
  BackendError: redisLib.BackendError,
  ClosedError: lib.ClosedError,
  TooManyKeysError: lib.TooManyKeysError,
  HoldTimeoutError: lib.HoldTimeoutError,
  LeaseLostError: redisLib.LeaseLostError,
  QueueClearedError: lib.QueueClearedError,
  QueueFullError: lib.QueueFullError,
  SemaphoreError: lib.QueueFullError,
  WaitTimeoutError: lib.WaitTimeoutError,
  WaitTooLongError: lib.WaitTooLongError,
};

/** One for each parameter and option of the main entry. */
export const MAIN_ROWS: readonly Row[] = [
  ...options('Semaphore', 'SemaphoreOptions', SEMAPHORE, (o) => new lib.Semaphore(1, o)),
  plainRow('Semaphore', 'permits', integer(0), (permits) => new lib.Semaphore(permits as number)),
  ...limiterRows('Semaphore', semaphore, ['run', 'resize', 'order', 'control']),
  ...ORDERS.flatMap((name) => limiterRows('Semaphore', () => inOrder({ name }), ['order'], `, ${name}`)),

  row(
    'Semaphore.map',
    'items',
    ITERABLE,
    startMap((all, items) => all.map(items as [], next)),
    true,
  ),
  row(
    'Semaphore.map',
    'work',
    aFunction(),
    startMap((all, work) => all.map([1], work as typeof next)),
    true,
  ),
  ...rowsOf({
    name: 'Semaphore.map',
    type: 'AcquireOptions',
    kinds: { ...WAIT, weight: integer(1, 3) },
    rejects: true,
    start: startMap((all, options) => all.map([1], next, options as object)),
  }),

  ...order('AdaptiveLifoOrder', 'adaptive-lifo', { targetMs: duration, intervalMs: duration }),
  ...order('PriorityOrder', 'priority', { ageMs: duration, reserved: integer(0) }),
  ...order('FairOrder', 'fair', { share: aFunction(() => 1), shares: object }),
  ...rowsOf({
    name: 'Semaphore',
    type: 'Share',
    kinds: { min: integer(0, 1), max: integerOrInfinity(1) },
    start: () => ({ call: (share) => inOrder({ name: 'fair', shares: { a: share as object } }) }),
  }).filter(({ name }) => name !== 'options'),
  ...['AdaptiveLifoOrder', 'PriorityOrder', 'FairOrder'].map((type) => ({
    ...plainRow('Semaphore', 'order.name', oneOf(...ORDERS), (name) => inOrder({ name: name as 'fair' })),
    covers: [`${type}.name`],
  })),
  row('Semaphore', 'what share returns', integer(1), startShare, true),

  ...options(
    'AdaptiveSemaphore',
    'AdaptiveSemaphoreOptions',
    {
      ...SEMAPHORE,
      algorithm: like(adaptiveLib.aimd()),
      dryRun: boolean,
      eventLoopLoad: like({ busyMs: () => 0 }),
    },
    (o) => new adaptiveLib.AdaptiveSemaphore(o),
  ),
  ...limiterRows('AdaptiveSemaphore', adaptive, ['run', 'order', 'control']),
  plainRow('AdaptiveSemaphore', 'algorithm.initial', LIMIT_FOUND, (initial) =>
    withAlgorithm({ initial: initial as number, next: () => 1 }),
  ),
  ...options('aimd', 'LatencyOptions', { ...BOUNDS, random: aFunction(() => 0) }, adaptiveLib.aimd),
  ...options('gradient', 'LatencyOptions', { ...BOUNDS, random: aFunction(() => 0) }, adaptiveLib.gradient),
  ...options('vegas', 'LatencyOptions', { ...BOUNDS, random: aFunction(() => 0) }, adaptiveLib.vegas),

  ...options(
    'KeyedSemaphore',
    'KeyedSemaphoreOptions',
    { name: string, maxKeys: integer(1), idleTtlMs: duration, clock: like(systemClock) },
    (o) => new lib.KeyedSemaphore(semaphore, o),
  ),
  plainRow(
    'KeyedSemaphore',
    'create',
    aFunction(semaphore),
    (create) => new lib.KeyedSemaphore(create as typeof semaphore),
  ),
  ...limiterRows('KeyedSemaphore', bound, ['run', 'order']),
  ...limiterRows('KeyedSemaphore.for', () => keyed().for('a'), ['run', 'order']),
  plainRow('KeyedSemaphore.for', 'key', string, (key) => keyed().for(key as string)),
  plainRow('KeyedSemaphore.delete', 'key', string, (key) => keyed().delete(key as string)),
  plainRow('KeyedSemaphore.resize', 'key', string, (key) => keyed().resize(key as string, 1)),
  plainRow('KeyedSemaphore.resize', 'permits', integer(0), (permits) =>
    keyed().resize('a', permits as number),
  ),
  plainRow('KeyedSemaphore.pause', 'anything', anything, () => {
    keyed().pause();
  }),
  plainRow('KeyedSemaphore.resume', 'anything', anything, () => {
    keyed().resume();
  }),
  plainRow('KeyedSemaphore.clear', 'reason', anything, (reason) => {
    keyed().clear(reason);
  }),
  row('KeyedSemaphore.refresh', 'what create returns', limiter, startRefresh),
  row(
    'KeyedSemaphore.acquire',
    'key',
    string,
    startKeyed((all, key) => all.acquire(key as string)),
    true,
  ),
  row(
    'KeyedSemaphore.tryAcquire',
    'key',
    string,
    startKeyed((all, key) => all.tryAcquire(key as string)),
  ),
  row(
    'KeyedSemaphore.run',
    'key',
    string,
    startKeyed((all, key) => all.run(key as string, () => 1)),
    true,
  ),
  row('KeyedSemaphore.acquire', 'what create returns', limiter, startCreate, true),
  plainRow('KeyedSemaphore.stats', 'key', optional(string), (key) => keyed().stats(key as string)),
  plainRow('KeyedSemaphore.top', 'rank', oneOf('held', 'waiting', 'rejected'), (rank) =>
    keyed().top(rank as 'held', 1),
  ),
  plainRow('KeyedSemaphore.top', 'count', integer(1), (count) => keyed().top('held', count as number)),

  plainRow('chain', 'limiters[0]', limiter, (one) => lib.chain(one as lib.Semaphore)),
  plainRow('chain', 'limiters[0][1]', aFunction(), (keyOf) => lib.chain([keyed(), keyOf as () => string])),
  row('chain', 'what limiters[0][1] returns', string, startKeyOfChain, true),
  ...limiterRows('chain', () => lib.chain(semaphore(), new lib.Semaphore(9)), ['run', 'order']),

  plainRow('limit', 'limiter', limiter, (one) => lib.limit(one as lib.Semaphore)),
  ...options('limit', 'LimitOptions', LIMIT, (o) => lib.limit(semaphore(), o)),
  ...options(
    'limit',
    'KeyedLimitOptions',
    { ...LIMIT, key: aFunction() },
    (o) => lib.limit(keyed(), o as never),
    { key: next },
  ),
  plainRow('limit', 'defaults', object, (o) => lib.limit.defaults(o as object)),
  plainRow('admission', 'limiter', limiter, (one) => lib.admission(one as lib.Semaphore)),
  ...options('admission', 'LimitOptions', ADMISSION, (o) => lib.admission(semaphore(), o)),
  plainRow('limitHandler', 'limiter', limiter, (one) => lib.limitHandler(one as lib.Semaphore, next)),
  plainRow('limitHandler', 'handler', aFunction(), (handler) =>
    lib.limitHandler(semaphore(), handler as typeof next),
  ),
  ...options('limitHandler', 'LimitOptions', LIMIT, (o) => lib.limitHandler(semaphore(), next, o)),
  plainRow('limitUpgrade', 'limiter', limiter, (one) => lib.limitUpgrade(one as lib.Semaphore, next)),
  plainRow('limitUpgrade', 'onUpgrade', aFunction(), (onUpgrade) =>
    lib.limitUpgrade(semaphore(), onUpgrade as typeof next),
  ),
  ...options('limitUpgrade', 'UpgradeOptions', UPGRADE, (o) => lib.limitUpgrade(semaphore(), next, o)),
  plainRow('limitServer', 'server', like(createServer().setMaxListeners(0)), (server) =>
    lib.limitServer(server as Server, semaphore()),
  ),
  plainRow('limitServer', 'limiter', limiter, (one) => lib.limitServer(createServer(), one as lib.Semaphore)),
  ...options('limitServer', 'ServerLimitOptions', { ...LIMIT, holdBack: boolean }, (o) =>
    lib.limitServer(createServer(), semaphore(), o),
  ),
  plainRow('gracefulShutdown', 'server', like(createServer().setMaxListeners(0)), (server) =>
    lib.gracefulShutdown(server as Server, {}),
  ),
  plainRow('gracefulShutdown', 'limiters', limiters, (all) =>
    lib.gracefulShutdown(createServer(), all as object as never),
  ),
  plainRow('gracefulShutdown', 'limiters.a', limiter, (a) =>
    lib.gracefulShutdown(createServer(), { a: a as lib.Semaphore }),
  ),
  ...options(
    'gracefulShutdown',
    'GracefulShutdownOptions',
    { drainMs: duration, deadlineMs: duration },
    (o) => lib.gracefulShutdown(createServer(), {}, o),
  ),
  plainRow('permitOf', 'res', object, (res) => lib.permitOf(res as never)),
  plainRow('permitOf', 'limiter', anything, (one) => lib.permitOf({} as never, one as never)),
  ...options(
    'clientKey',
    'ClientKeyOptions',
    { ipv6Prefix: integer(1, 128), address: aFunction() },
    lib.clientKey,
  ),

  plainRow('withSemaphore', 'limiter', limiter, (one) => lib.withSemaphore(one as lib.Semaphore)),
  plainRow('withSemaphore', 'withSemaphore takes', aFunction(), (fn) =>
    lib.withSemaphore(semaphore())(fn as never),
  ),
  ...options('withSemaphore', 'CallOptions', CALL, (o) => lib.withSemaphore(semaphore(), o)),
  ...options(
    'withSemaphore',
    'KeyedCallOptions',
    { ...CALL, key: aFunction() },
    (o) => lib.withSemaphore(keyed(), o as never),
    { key: next },
  ),
  row('withSemaphore', 'what key returns', string, startKeyOfCall, true),
  ...Object.entries(PER_CALL).map(([name, kind]) =>
    row('withSemaphore', name, optional(name === 'weight' ? integer(1, 3) : kind), startOfCall(name), true),
  ),

  plainRow(
    'observe',
    'event',
    oneOf('acquire', 'queued', 'release', 'reject', 'lost', 'holdTimeout', 'limit'),
    (event) => {
      lib.observe(event as keyof LimiterEvents, next)();
    },
  ),
  plainRow('observe', 'listener', aFunction(), (listener) => {
    lib.observe('lost', listener as typeof next)();
  }),

  plainRow('isSemaphoreError', 'value', anything, lib.isSemaphoreError),
  ...Object.keys(ERRORS).map((name) => plainRow(name, 'retryAfterMs', anything, (ms) => headersOf(name, ms))),
];

/** A row for each option of what is made of options alone. */
function options(
  name: string,
  type: string,
  kinds: Kinds,
  call: (options: object) => unknown,
  required = {},
): Row[] {
  return rowsOf({ name, type, kinds, required, start: () => ({ call: (value) => call(value as object) }) });
}

/** A row for each setting of an order. */
function order(type: string, name: string, kinds: Kinds): Row[] {
  return options('Semaphore', type, kinds, (settings) => new lib.Semaphore(1, { order: settings as Order }), {
    name,
  }).filter(({ name: row }) => row !== 'options');
}

function startShare(): Trial {
  let share: unknown = 1;
  const limiter = inOrder({ name: 'fair', share: () => share as number });
  const all = limiter.tryAcquire({ weight: 3 });
  return {
    async call(value) {
      share = value;
      const asked = limiter.acquire({ maxWaitMs: 10_000 });
      if (limiter.waiting > 0) all?.release();
      (await asked).release();
    },
    ...countsOf(limiter),
    async end() {
      all?.release();
      await limiter.idle();
    },
  };
}

function inOrder(order: Order): lib.Semaphore {
  return new lib.Semaphore(3, { order });
}

function withAlgorithm(algorithm: LimitAlgorithm): adaptiveLib.AdaptiveSemaphore {
  return new adaptiveLib.AdaptiveSemaphore({ algorithm });
}

function startCreate(): Trial {
  let made: unknown;
  const limiter = new lib.KeyedSemaphore(() => made as Limiter);
  return {
    async call(value) {
      made = value;
      (await limiter.acquire(`key ${limiter.size}`)).release();
    },
    ...countsOf(limiter),
  };
}

/** A call whose option `name` is computed. */
function startOfCall(name: string): Row['start'] {
  return () => {
    const limiter = semaphore();
    let given: unknown;
    const wrapped = lib.withSemaphore(limiter, { [name]: () => given } as object)(async () =>
      Promise.resolve(1),
    );
    return {
      call(value) {
        given = value;
        return wrapped();
      },
      ...countsOf(limiter),
    };
  };
}

function startKeyOfCall(): Trial {
  const limiter = keyed();
  const wrapped = lib.withSemaphore(limiter, { key: (key: string) => key })(async (key: string) =>
    Promise.resolve(key),
  );
  return { call: (key) => wrapped(key as string), ...countsOf(limiter) };
}

function startKeyOfChain(): Trial {
  const limiter = keyed();
  return {
    call: (key) => lib.chain([limiter, () => key as string]).run('a', next),
    ...countsOf(limiter),
  };
}

function startRefresh(): Trial {
  let made: unknown = semaphore();
  const limiter = new lib.KeyedSemaphore(() => made as Limiter);
  limiter.for('a');
  return {
    call(value) {
      made = value;
      limiter.refresh();
    },
  };
}

function startMap(map: (limiter: lib.Semaphore, value: unknown) => unknown): Row['start'] {
  return () => {
    const limiter = semaphore();
    return { call: (value) => map(limiter, value), ...countsOf(limiter) };
  };
}

function startKeyed(ask: (limiter: lib.KeyedSemaphore, key: unknown) => unknown): Row['start'] {
  return () => {
    const limiter = keyed();
    return { call: (key) => ask(limiter, key), ...countsOf(limiter) };
  };
}

/** A limiter of keys, seen as the limiter of one key. */
function bound(): LimiterSubject {
  const limiter = keyed();
  return {
    acquire: (options) => limiter.acquire('a', options),
    tryAcquire: (options) => limiter.tryAcquire('a', options),
    run: (work, options) => limiter.run('a', work, options),
    close: (reason) => {
      limiter.close(reason);
    },
    idle: (options) => limiter.idle(options),
    stats: () => limiter.stats(),
  };
}

function headersOf(name: string, retryAfterMs: unknown): Record<string, string> {
  const Refusal = ERRORS[name] ?? lib.QueueFullError;
  const { headers } = new Refusal('no', { retryAfterMs: retryAfterMs as number });
  expect(headers['Retry-After']).toMatch(/^\d+$/);
  return headers;
}
