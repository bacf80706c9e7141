import { AsyncLocalStorage } from 'node:async_hooks';
import { channel } from 'node:diagnostics_channel';
import { context, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import type { Context, ContextManager } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import type { MetricData } from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { KeyedSemaphore, Semaphore } from 'express-semaphore';
import { registerMetrics, traceWaits } from 'express-semaphore/opentelemetry';
import { FakeClock } from 'express-semaphore/testing';
import { turn, watch } from '../helpers/watch';

describe('metrics', () => {
  let exporter: InMemoryMetricExporter;
  let provider: MeterProvider;
  let stop: () => void;

  beforeEach(() => {
    exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 1e9 });
    provider = new MeterProvider({ readers: [reader] });
  });

  afterEach(async () => {
    stop();
    await provider.shutdown();
  });

  it('has the instruments of each limiter, with units and attributes', async () => {
    const api = new Semaphore(2, { name: 'api', queueLimit: 0 });
    const perUser = new KeyedSemaphore(() => new Semaphore(3), { name: 'per user' });
    stop = registerMetrics(provider.getMeter('test'), { api, perUser });
    api.tryAcquire({ weight: 2 });
    perUser.tryAcquire('alice')?.release('ignore');
    watch(api.acquire());

    const collected = await collect();
    const limiter = 'express_semaphore.limiter';
    expect(collected['express_semaphore.permit.limit']).toMatchObject({
      descriptor: { type: 'OBSERVABLE_UP_DOWN_COUNTER', unit: '{permit}' },
      dataPoints: [{ attributes: { [limiter]: 'api' }, value: 2 }],
    });
    expect(collected['express_semaphore.permit.usage']?.dataPoints).toMatchObject([
      { attributes: { [limiter]: 'api' }, value: 2 },
      { attributes: { [limiter]: 'per user' }, value: 0 },
    ]);
    expect(collected['express_semaphore.rejections']).toMatchObject({
      descriptor: { type: 'OBSERVABLE_COUNTER', unit: '{rejection}' },
      isMonotonic: true,
    });
    expect(collected['express_semaphore.rejections']?.dataPoints).toContainEqual(
      expect.objectContaining({
        attributes: { [limiter]: 'api', 'error.type': 'ERR_SEMAPHORE_QUEUE_FULL' },
        value: 1,
      }),
    );
    expect(collected['express_semaphore.releases']?.dataPoints).toContainEqual(
      expect.objectContaining({
        attributes: { [limiter]: 'per user', 'express_semaphore.outcome': 'ignore' },
        value: 1,
      }),
    );
    expect(JSON.stringify(collected)).not.toContain('alice');
  });

  it('has histograms of waits and holds, in seconds', async () => {
    const clock = new FakeClock();
    const api = new Semaphore(1, { name: 'api', clock });
    stop = registerMetrics(provider.getMeter('test'), { api });
    const first = api.tryAcquire();
    const second = api.acquire();
    clock.advance(200);
    first?.release();
    await second;
    await turn();
    for (const name of ['express_semaphore.wait.duration', 'express_semaphore.hold.duration']) {
      expect((await collect())[name]).toMatchObject({
        descriptor: { type: 'HISTOGRAM', unit: 's' },
        dataPoints: [
          {
            attributes: { 'express_semaphore.limiter': 'api' },
            value: {
              sum: 0.2,
              count: 1,
              buckets: { boundaries: expect.arrayContaining([0.001, 10]) as number[] },
            },
          },
        ],
      });
    }
  });

  it('exports the busiest keys with topKeys', async () => {
    const perUser = new KeyedSemaphore(() => new Semaphore(2), { name: 'per user' });
    stop = registerMetrics(provider.getMeter('test'), { perUser }, { topKeys: 1 });
    perUser.tryAcquire('alice', { weight: 2 });
    perUser.tryAcquire('bob');
    expect((await collect())['express_semaphore.key.permit.usage']?.dataPoints).toMatchObject([
      { attributes: { 'express_semaphore.limiter': 'per user', 'express_semaphore.key': 'alice' }, value: 2 },
    ]);
  });

  it('measures nothing after it was stopped', async () => {
    const api = new Semaphore(1, { name: 'api' });
    stop = registerMetrics(provider.getMeter('test'), { api });
    stop();
    api.tryAcquire()?.release();
    await turn();
    expect(await collect()).toEqual({});
    for (const event of ['acquire', 'reject', 'release']) {
      expect([event, channel(`express-semaphore:${event}`).hasSubscribers]).toEqual([event, false]);
    }
  });

  it('measures a limiter without a name under its key', async () => {
    const api = new Semaphore(1);
    stop = registerMetrics(provider.getMeter('test'), { api });
    api.tryAcquire()?.release();
    await turn();
    const collected = await collect();
    for (const name of ['permit.limit', 'hold.duration']) {
      expect(collected[`express_semaphore.${name}`]?.dataPoints).toMatchObject([
        { attributes: { 'express_semaphore.limiter': 'api' } },
      ]);
    }
  });

  async function collect(): Promise<Record<string, MetricData>> {
    exporter.reset();
    await provider.forceFlush();
    const metrics = exporter
      .getMetrics()
      .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics));
    return Object.fromEntries(metrics.map((metric) => [metric.descriptor.name, metric]));
  }
});

describe('a span', () => {
  const exporter = new InMemorySpanExporter();
  const tracer = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).getTracer(
    'test',
  );
  let stop: () => void;

  beforeAll(() => {
    context.setGlobalContextManager(new StoreContextManager());
  });

  beforeEach(() => {
    exporter.reset();
    stop = traceWaits(trace);
  });

  afterEach(() => {
    stop();
  });

  it('has an event for the wait of its own call, whichever call ended it', async () => {
    const clock = new FakeClock();
    const api = new Semaphore(1, { name: 'api', clock });
    const held = await inSpan('holder', () => api.acquire());
    const waiting = inSpan('waiter', () => api.acquire());
    clock.advance(40);
    await inSpan('releaser', async () => {
      held.release();
      await turn();
    });
    await waiting;
    expect(eventsOf('waiter')).toEqual([
      {
        name: 'express_semaphore.wait',
        attributes: { 'express_semaphore.limiter': 'api', 'express_semaphore.wait.duration': 0.04 },
      },
    ]);
    expect([...eventsOf('holder'), ...eventsOf('releaser')]).toEqual([]);
  });

  it('has the reason of a wait that ended without a permit', async () => {
    const clock = new FakeClock();
    const api = new Semaphore(0, { clock });
    const leaving = new AbortController();
    const late = inSpan('late', () => api.acquire({ maxWaitMs: 10 }));
    const gone = inSpan('gone', () => api.acquire({ signal: leaving.signal }));
    watch(late);
    watch(gone);
    clock.advance(10);
    leaving.abort();
    await Promise.allSettled([late, gone]);
    expect([...eventsOf('late'), ...eventsOf('gone')]).toMatchObject([
      { attributes: { 'express_semaphore.wait.duration': 0.01, 'error.type': 'ERR_SEMAPHORE_WAIT_TIMEOUT' } },
      { attributes: { 'express_semaphore.wait.duration': 0.01, 'error.type': 'aborted' } },
    ]);
  });

  it('has no event without a wait, and a wait needs no span', async () => {
    const api = new Semaphore(1);
    const held = await inSpan('free', () => api.acquire());
    const waiting = api.acquire();
    held.release();
    await waiting;
    await turn();
    expect(eventsOf('free')).toEqual([]);
  });

  async function inSpan<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    return tracer.startActiveSpan(name, async (span) => {
      try {
        return await work();
      } finally {
        span.end();
      }
    });
  }

  function eventsOf(name: string): { name: string; attributes: unknown }[] {
    const spans = exporter.getFinishedSpans().filter((span) => span.name === name);
    expect(spans).toHaveLength(1);
    return spans.flatMap((span) => span.events.map(({ name, attributes }) => ({ name, attributes })));
  }
});

/** The context manager of the SDK is in another package. These tests need only this part of it. */
class StoreContextManager implements ContextManager {
  readonly #store = new AsyncLocalStorage<Context>();

  active(): Context {
    return this.#store.getStore() ?? ROOT_CONTEXT;
  }

  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    active: Context,
    work: F,
    self?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    return this.#store.run(active, () => work.apply(self, args));
  }

  bind<T>(_context: Context, target: T): T {
    return target;
  }

  enable(): this {
    return this;
  }

  disable(): this {
    return this;
  }
}
