import { requireInteger, requireMethods, requireOptions } from '../internal/validate.js';
import { warnOfUnknown } from '../internal/warn.js';
import {
  DURATION_BUCKETS,
  HOLD_DURATION,
  KEY_INSTRUMENTS,
  STATS_INSTRUMENTS,
  WAIT_DURATION,
} from './instruments.js';
import type { DurationInstrument, Instrument } from './instruments.js';
import { Source } from './source.js';
import type { Measurable, Measurement } from './source.js';

export type { Measurable } from './source.js';

/**
 * What of prom-client is used: `import * as client from 'prom-client'`.
 *
 * @example
 * ```ts
 * import * as client from 'prom-client';
 * import type { MetricConfig, PrometheusClient, PrometheusMetric, PrometheusRegistry } from 'express-semaphore/prometheus';
 *
 * const used: PrometheusClient<client.Registry> = client;
 * const registry: PrometheusRegistry = used.register;
 * const config: MetricConfig<client.Registry> = { name: 'waiters', help: 'Waiters.', labelNames: ['limiter'] };
 * const gauge: PrometheusMetric = new used.Gauge(config);
 * gauge.inc({ limiter: 'api' }, 3);
 * registry.removeSingleMetric('waiters');
 * ```
 */
export interface PrometheusClient<Registry> {
  readonly Gauge: new (config: MetricConfig<Registry>) => PrometheusMetric;
  readonly Counter: new (config: MetricConfig<Registry>) => PrometheusMetric;
  readonly Histogram: new (config: MetricConfig<Registry> & { buckets: number[] }) => {
    observe(labels: Record<string, string>, value: number): void;
  };
  readonly register: PrometheusRegistry;
}

/** What of prom-client's gauges and counters is used. */
export interface PrometheusMetric {
  reset(): void;
  inc(labels: Record<string, string>, value: number): void;
}

/** What of prom-client's registry is used. */
export interface PrometheusRegistry {
  removeSingleMetric(name: string): void;
}

/** How a metric of prom-client is made. */
export interface MetricConfig<Registry> {
  name: string;
  help: string;
  labelNames: string[];
  registers?: Registry[];
  collect?: () => void;
}

/** Where the metrics go, and what of keys they tell. */
export interface PrometheusOptions<Registry> {
  /** The registry that they go to. @defaultValue prom-client's own */
  readonly registry?: Registry | undefined;

  /**
   * Of how many keys each metric of keys tells: those with the most permits out, waiters and refusals. Each new key is a
   * new series, for ever, with what your clients call themselves as its label. @defaultValue `0`
   */
  readonly topKeys?: number | undefined;
}

/**
 * Registers metrics of `limiters`, each of which has a `name`, with prom-client. What it returns removes them again.
 *
 * Counts are read when somebody scrapes. Durations are observed as they end, so from now on each permit of this process
 * costs its holder some microseconds more.
 *
 * @throws `TypeError` or `RangeError` for a bad option or a limiter without a name of its own, and what prom-client throws of names registered twice.
 *
 * @example
 * ```ts
 * import express from 'express';
 * import * as client from 'prom-client';
 * import { KeyedSemaphore, Semaphore } from 'express-semaphore';
 * import { registerMetrics } from 'express-semaphore/prometheus';
 * import type { Measurable, PrometheusOptions } from 'express-semaphore/prometheus';
 *
 * const api = new Semaphore(100, { name: 'api' });
 * const perUser = new KeyedSemaphore(() => new Semaphore(2), { name: 'per-user' });
 * const limiters: Measurable[] = [api, perUser];
 * const registry = new client.Registry();
 * const options: PrometheusOptions<client.Registry> = { registry, topKeys: 10 };
 * registerMetrics(client, limiters, options);
 *
 * express().get('/metrics', async (_req, res) => {
 *   res.type(registry.contentType).send(await registry.metrics());
 * });
 * ```
 */
export function registerMetrics<Registry extends PrometheusRegistry>(
  client: PrometheusClient<Registry>,
  limiters: readonly Measurable[],
  options: PrometheusOptions<Registry> = {},
): () => void {
  requireOptions(options);
  const { registry, topKeys = 0, ...unknown } = options;
  warnOfUnknown('registerMetrics', unknown);
  requireMethods('client', client, 'Gauge', 'Counter', 'Histogram');
  if (registry !== undefined) requireMethods('registry', registry, 'removeSingleMetric');
  requireInteger('topKeys', topKeys, 0);
  const registers = registry === undefined ? {} : { registers: [registry] };
  const source = new Source(limiters);
  const names: string[] = [];

  for (const instrument of STATS_INSTRUMENTS) {
    addCollector(instrument, instrument.by, () => source.read(instrument));
  }
  for (const instrument of topKeys > 0 ? KEY_INSTRUMENTS : []) {
    addCollector(instrument, 'key', () => source.readKeys(instrument, topKeys));
  }
  const stops = [
    source.observeWaits(addHistogram(WAIT_DURATION)),
    source.observeHolds(addHistogram(HOLD_DURATION)),
  ];

  return function removeMetrics() {
    for (const stop of stops) stop();
    for (const name of names) (registry ?? client.register).removeSingleMetric(name);
  };

  function addCollector(
    instrument: Instrument,
    by: string | undefined,
    read: () => Iterable<Measurement>,
  ): void {
    const config = {
      ...describeMetric(instrument, by === undefined ? ['limiter'] : ['limiter', by]),
      collect() {
        metric.reset();
        for (const measurement of read()) metric.inc(labelsOf(measurement, by), measurement.value);
      },
    };
    const metric = instrument.kind === 'gauge' ? new client.Gauge(config) : new client.Counter(config);
  }

  function addHistogram(instrument: DurationInstrument): (seconds: number, limiter: string) => void {
    const histogram = new client.Histogram({
      ...describeMetric(instrument, ['limiter']),
      buckets: DURATION_BUCKETS,
    });
    return (seconds, limiter) => {
      histogram.observe({ limiter }, seconds);
    };
  }

  function describeMetric(instrument: Instrument | DurationInstrument, labelNames: string[]) {
    const name = nameOf(instrument);
    names.push(name);
    return { name, help: instrument.description, labelNames, ...registers };
  }
}

/** By the rules of OpenTelemetry's compatibility with Prometheus. */
function nameOf(instrument: Instrument | DurationInstrument): string {
  const name = instrument.name.replaceAll('.', '_');
  if (instrument.unit === 's') return `${name}_seconds`;
  return 'kind' in instrument && instrument.kind === 'counter' ? `${name}_total` : name;
}

function labelsOf({ limiter, by: name }: Measurement, by: string | undefined): Labels {
  return by === undefined || name === undefined ? { limiter } : { limiter, [by]: name };
}

type Labels = Record<string, string>;
