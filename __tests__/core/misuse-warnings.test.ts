import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type * as Dashboard from 'express-semaphore/dashboard';
import type * as Package from 'express-semaphore';
import type * as Adaptive from 'express-semaphore/adaptive';
import type * as OpenTelemetry from 'express-semaphore/opentelemetry';
import type * as Prometheus from 'express-semaphore/prometheus';
import { metrics } from '@opentelemetry/api';
import * as prom from 'prom-client';
import { ORDER_NAMES } from '../../lib/orders';
import type * as Redis from '../../lib/redis/options';
import { anchorsOf } from '../docs/markdown';
import { FakeClock } from 'express-semaphore/testing';
import { collectWarnings } from '../helpers/warnings';
import type { EmittedWarning } from '../helpers/warnings';

const guide = {
  path: 'docs/guide/warnings.md',
  text: readFileSync(join(__dirname, '../../docs/guide/warnings.md'), 'utf8'),
};

/** What is warned of once a process has to be loaded anew for each test. */
let lib: typeof Package;
let adaptive: typeof Adaptive;
let redis: typeof Redis;
let dashboard: typeof Dashboard;
let prometheus: typeof Prometheus;
let openTelemetry: typeof OpenTelemetry;
let warnings: EmittedWarning[];

beforeEach(async () => {
  jest.resetModules();
  lib = await import('express-semaphore');
  adaptive = await import('express-semaphore/adaptive');
  redis = await import('../../lib/redis/options');
  dashboard = await import('express-semaphore/dashboard');
  prometheus = await import('express-semaphore/prometheus');
  openTelemetry = await import('express-semaphore/opentelemetry');
  warnings = collectWarnings();
});

afterEach(() => {
  jest.restoreAllMocks();
});

/** Checks that exactly one warning was emitted, with a link to what there is to read of its code. */
function expectOne(code: string, message: string): EmittedWarning | undefined {
  const link = `docs/guide/warnings.md#${code.toLowerCase()}`;
  expect(warnings).toEqual([
    expect.objectContaining({
      type: 'SemaphoreWarning',
      code,
      message: `${message}; see express-semaphore/${link}`,
    }),
  ]);
  expect(anchorsOf(guide)).toContain(code.toLowerCase());
  return warnings[0];
}

describe('an option that is not known', () => {
  it.each<[string, () => unknown]>([
    ['Semaphore', () => new lib.Semaphore(1, misspelt())],
    ['Semaphore', () => new adaptive.AdaptiveSemaphore(misspelt())],
    ['KeyedSemaphore', () => new lib.KeyedSemaphore(() => new lib.Semaphore(1), misspelt())],
    ['limit', () => lib.limit(new lib.Semaphore(1), misspelt())],
    ['limitHandler', () => lib.limitHandler(new lib.Semaphore(1), () => undefined, misspelt())],
    ['withSemaphore', () => lib.withSemaphore(new lib.Semaphore(1), misspelt())],
    ['clientKey', () => lib.clientKey(misspelt())],
    ['acquire', () => new lib.Semaphore(1).acquire(misspelt())],
    ['acquire', () => new lib.Semaphore(1).run(() => 1, misspelt())],
    ['tryAcquire', () => new lib.Semaphore(1).tryAcquire(misspelt())],
    ['acquire', () => new lib.KeyedSemaphore(() => new lib.Semaphore(1)).acquire('a', misspelt())],
    ...ORDER_NAMES.map((name): [string, () => unknown] => [
      `the order ${name}`,
      () => new lib.Semaphore(1, { order: { name, ...misspelt() } as never }),
    ]),
    ['aimd', () => adaptive.aimd(misspelt())],
    ['gradient', () => adaptive.gradient(misspelt())],
    ['vegas', () => adaptive.vegas(misspelt())],
    ['dashboard', () => dashboard.dashboard({}, misspelt())],
    [
      'registerMetrics',
      () => {
        prometheus.registerMetrics(prom, {}, { registry: new prom.Registry(), ...misspelt() })();
      },
    ],
    [
      'registerMetrics',
      () => {
        openTelemetry.registerMetrics(metrics.getMeter('test'), {}, misspelt())();
      },
    ],
    ['RedisSemaphore', () => redis.readRedisOptions({ name: 'api', permits: 1, ...misspelt() })],
  ])('of %s is told once, with the place', (what, use) => {
    use();
    use();
    const warning = expectOne('WARN_SEMAPHORE_UNKNOWN_OPTION', `${what} has no option "maxwaitMs"`);
    expect(warning?.detail).toContain('misuse-warnings.test.ts');
  });

  it('is not there where every option is known', () => {
    const clock = new FakeClock();
    const options = {
      name: 'api',
      queueLimit: 1,
      maxWaitMs: 1,
      order: 'lifo',
      warnHeldMs: 1,
      clock,
    } as const;
    const semaphore = new lib.Semaphore(1, options);
    lib.withSemaphore(semaphore, { weight: 1, priority: 1, flow: 'a', maxWaitMs: 1, signal: undefined });
    lib.limit(semaphore, {
      ...{
        maxWaitMs: 1,
        statusCode: 500,
        onRejected: jest.fn(),
        skip: () => false,
        retryJitter: true,
        dryRun: false,
      },
      ...{ weight: 1, priority: 1, flow: 'a' },
    });
    new lib.KeyedSemaphore(() => semaphore, { name: 'users', maxKeys: 1, idleTtlMs: 1, clock });
    new adaptive.AdaptiveSemaphore({ ...options, dryRun: true });
    lib.clientKey({ ipv6Prefix: 64 });
    semaphore.tryAcquire({ weight: 1, priority: 1, flow: 'a' })?.release();
    void semaphore.acquire({ weight: 1, priority: 1, flow: 'a', maxWaitMs: 1, signal: undefined });
    new lib.Semaphore(1, { order: { name: 'adaptive-lifo', targetMs: 1, intervalMs: 1 } });
    new lib.Semaphore(1, { order: { name: 'priority', ageMs: 1, reserved: 1 } });
    new lib.Semaphore(1, { order: { name: 'fair', share: () => 1 } });
    const bounds = { minPermits: 1, maxPermits: 2, initialPermits: 1 };
    adaptive.aimd({ ...bounds, random: () => 0 });
    adaptive.gradient({ ...bounds, random: () => 0 });
    dashboard.dashboard({}, { authorize: () => true, maskKey: (key) => key });
    prometheus.registerMetrics(prom, {}, { registry: new prom.Registry(), topKeys: 1 })();
    openTelemetry.registerMetrics(metrics.getMeter('test'), {}, { topKeys: 1 })();
    expect(warnings).toEqual([]);
  });
});

describe('a queue without bound under limit', () => {
  it('is told if the wait has none either', () => {
    lib.limit(new lib.Semaphore(1), { maxWaitMs: Infinity });
    expectOne('WARN_SEMAPHORE_UNBOUNDED_QUEUE', 'limit has neither a queueLimit nor a maxWaitMs');
  });

  it('is told of an adaptive limit, too', () => {
    lib.limit(new adaptive.AdaptiveSemaphore(), { maxWaitMs: Infinity });
    expect(warnings).toHaveLength(1);
  });

  it('is fine if either is bounded', () => {
    lib.limit(new lib.Semaphore(1));
    lib.limit(new lib.Semaphore(1, { queueLimit: 9 }), { maxWaitMs: Infinity });
    expect(warnings).toEqual([]);
  });
});

describe('a limiter for each request', () => {
  it('is told when there have been a thousand of them', () => {
    for (let request = 1; request < 1_000; request++) lib.limit(new lib.Semaphore(1));
    expect(warnings).toEqual([]);
    lib.limit(new lib.Semaphore(1));
    lib.limit(new lib.Semaphore(1));
    const what = 'limit was given 1000 different limiters: one made inside a handler limits nothing';
    expect(expectOne('WARN_SEMAPHORE_MADE_PER_REQUEST', what)?.detail).toContain('misuse-warnings.test.ts');
  });

  it('is not one that is mounted a thousand times', () => {
    const semaphore = new lib.Semaphore(1);
    for (let mount = 0; mount < 2_000; mount++) lib.limit(semaphore);
    expect(warnings).toEqual([]);
  });
});

describe('an address as a key', () => {
  const use = (key: string): void => {
    new lib.KeyedSemaphore(() => new lib.Semaphore(1)).tryAcquire(key);
  };

  it.each(['2001:db8:1:2:3:4:5:6', '2001:db8::1', 'fe80::1%eth0', '::12'])('is told if it is %s', (key) => {
    use(key);
    use(key);
    const what = 'a key is a whole IPv6 address, and its client has many: clientKey() takes the subnet';
    expectOne('WARN_SEMAPHORE_ADDRESS_KEY', what);
  });

  it.each(['192.0.2.1', '::ffff:192.0.2.1', '::1', '2001:db8::/56', 'user 1', ''])(
    'is fine if it is "%s"',
    (key) => {
      use(key);
      expect(warnings).toEqual([]);
    },
  );
});

describe('warnHeldMs', () => {
  const HELD = 'a permit is held for more than 100 ms';

  it('warns of a permit that is held for longer, with the stack of its acquire', () => {
    const clock = new FakeClock();
    const semaphore = new lib.Semaphore(2, { warnHeldMs: 100, clock });
    function takeAndForget(): void {
      semaphore.tryAcquire();
      semaphore.tryAcquire();
    }
    takeAndForget();
    clock.advance(99);
    expect(warnings).toEqual([]);
    clock.advance(1);
    expect(expectOne('WARN_SEMAPHORE_HELD_LONG', HELD)?.detail).toMatch(
      /^Error: acquired here\n[^]*takeAndForget/,
    );
  });

  it('shows the stack of the waiter, not of the caller that released', async () => {
    const clock = new FakeClock();
    const semaphore = new lib.Semaphore(1, { warnHeldMs: 100, clock });
    const first = semaphore.tryAcquire();
    const waitAndForget = () => semaphore.acquire();
    const waiting = waitAndForget();
    first?.release();
    await waiting;
    clock.advance(100);
    expect(expectOne('WARN_SEMAPHORE_HELD_LONG', HELD)?.detail).toMatch(
      /^Error: acquired here\n[^]*waitAndForget/,
    );
  });

  it('counts work that holds the permit, and keeps quiet of one that is back, and no process alive', async () => {
    const clock = new FakeClock();
    const semaphore = new lib.Semaphore(1, { warnHeldMs: 100, clock });
    semaphore.tryAcquire()?.release();
    expect(clock.timers).toBe(0);
    clock.advance(200);
    expect(warnings).toEqual([]);
    const permit = await semaphore.acquire();
    expect(clock.foregroundTimers).toBe(0);
    permit.hold(new Promise(() => undefined));
    permit.release();
    clock.advance(100);
    expectOne('WARN_SEMAPHORE_HELD_LONG', HELD);
  });

  it('makes no timer without the option', () => {
    const clock = new FakeClock();
    new lib.Semaphore(1, { clock }).tryAcquire();
    expect(clock.made).toBe(0);
  });
});

/** As plain JavaScript lets one write it. */
function misspelt(): object {
  return { maxwaitMs: 5 };
}
