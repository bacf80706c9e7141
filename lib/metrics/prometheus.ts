import type * as prom from 'prom-client';
import { readOptions } from '../internal/options.js';
import { integer, requireMethods, withMethods } from '../internal/validate.js';
import type { Limiters } from '../keyed/limiters.js';
import { DURATION_BUCKETS } from './instruments.js';
import type { DurationInstrument, Instrument } from './instruments.js';
import { register } from './register.js';
import type { Exporter } from './register.js';
import type { Measurement } from './source.js';

/** The parts of prom-client that `registerMetrics` uses. */
export type PrometheusClient = Pick<typeof prom, 'Gauge' | 'Counter' | 'Histogram' | 'register'>;

/** A registry of prom-client, for the Prometheus or for the OpenMetrics format. */
export type PrometheusRegistry = NonNullable<prom.GaugeConfiguration<string>['registers']>[number];

/** Options of `registerMetrics` for Prometheus. */
export interface PrometheusOptions {
  /** Registry that the metrics are added to. @defaultValue the default registry of prom-client */
  readonly registry?: PrometheusRegistry | undefined;

  /**
   * Number of keys that each metric of keys reports: the keys with most permits held, waiters and rejections.
   *
   * Each key that was ever among them stays a series in the database. Its label shows the key, which comes from a client.
   * @defaultValue `0`
   */
  readonly topKeys?: number | undefined;
}

/**
 * Registers metrics of `limiters` with prom-client. Returns a function that removes them.
 *
 * Each limiter appears under its `name`. One without a name gets its key in `limiters` as its name. Counts are read at
 * each scrape. Durations are recorded when a wait or a hold ends, which costs each permit of this process some microseconds.
 *
 * @param client - The module `prom-client`.
 * @param limiters - The limiters to export: an object as in `{ api }`, or a list.
 * @param options - The registry, and how many keys to export.
 *
 * @throws `TypeError` or `RangeError` for a bad option or a name used twice. prom-client throws if a metric is already there.
 *
 * @example
 * ```ts
 * import express from 'express';
 * import * as client from 'prom-client';
 * import { Semaphore } from 'express-semaphore';
 * import { registerMetrics } from 'express-semaphore/prometheus';
 *
 * registerMetrics(client, { api: new Semaphore(100) });
 * express().get('/metrics', async (_req, res) => {
 *   res.type(client.register.contentType).send(await client.register.metrics());
 * });
 * ```
 */
export function registerMetrics(
  client: PrometheusClient,
  limiters: Limiters,
  options: PrometheusOptions = {},
): () => void {
  requireMethods('client', client, 'Gauge', 'Counter', 'Histogram');
  const { registry = client.register, topKeys = 0 } = readOptions('registerMetrics', options, {
    registry: withMethods('removeSingleMetric'),
    topKeys: integer(0),
  });
  return register(limiters, topKeys, () => new PrometheusExporter(client, registry));
}

class PrometheusExporter implements Exporter {
  readonly #client: PrometheusClient;
  readonly #registry: PrometheusRegistry;
  readonly #names: string[] = [];

  constructor(client: PrometheusClient, registry: PrometheusRegistry) {
    this.#client = client;
    this.#registry = registry;
  }

  addObservable(instrument: Instrument, read: () => Iterable<Measurement>): void {
    const { label } = instrument;
    const config = {
      ...this.#configOf(instrument, label === undefined ? ['limiter'] : ['limiter', label]),
      collect() {
        metric.reset();
        for (const { value, limiter, label: is } of read()) {
          metric.inc(label === undefined || is === undefined ? { limiter } : { limiter, [label]: is }, value);
        }
      },
    };
    const metric =
      instrument.kind === 'gauge' ? new this.#client.Gauge(config) : new this.#client.Counter(config);
  }

  addHistogram(instrument: DurationInstrument) {
    const config = { ...this.#configOf(instrument, ['limiter']), buckets: DURATION_BUCKETS };
    const histogram = new this.#client.Histogram(config);
    return (seconds: number, limiter: string) => {
      histogram.observe({ limiter }, seconds);
    };
  }

  remove(): void {
    for (const name of this.#names) this.#registry.removeSingleMetric(name);
  }

  #configOf(instrument: Instrument | DurationInstrument, labelNames: string[]) {
    const name = nameOf(instrument);
    this.#names.push(name);
    return { name, help: instrument.description, labelNames, registers: [this.#registry] };
  }
}

/** Source: "Prometheus and OpenMetrics Compatibility" of the OpenTelemetry specification. */
function nameOf(instrument: Instrument | DurationInstrument): string {
  const name = instrument.name.replaceAll('.', '_');
  if (instrument.unit === 's') return `${name}_seconds`;
  return 'kind' in instrument && instrument.kind === 'counter' ? `${name}_total` : name;
}
