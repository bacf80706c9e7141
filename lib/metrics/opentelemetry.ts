import type { BatchObservableResult, Meter, Observable, Span, TraceAPI } from '@opentelemetry/api';
import { observe } from '../core/events.js';
import type { LimiterEvents } from '../core/events.js';
import { readOptions } from '../internal/options.js';
import { integer, requireMethods } from '../internal/validate.js';
import type { Limiters } from '../keyed/limiters.js';
import { DURATION_BUCKETS, WAIT_DURATION } from './instruments.js';
import type { DurationInstrument, Instrument } from './instruments.js';
import { register } from './register.js';
import type { Exporter } from './register.js';
import type { Measurement } from './source.js';

/** Options of `registerMetrics` for OpenTelemetry. */
export interface OpenTelemetryOptions {
  /**
   * Number of keys that each metric of keys reports: the keys with most permits held, waiters and rejections.
   *
   * Each key that was ever among them stays a series. Its attribute shows the key, which comes from a client.
   * @defaultValue `0`
   */
  readonly topKeys?: number | undefined;
}

/**
 * Creates instruments that measure `limiters`. Returns a function that removes them.
 *
 * Each limiter appears under its `name`. One without a name gets its key in `limiters` as its name. Counts are read when
 * the SDK collects. Durations are recorded when a wait or a hold ends, which costs each permit some microseconds.
 *
 * @param meter - Makes the instruments.
 * @param limiters - The limiters to export: an object as in `{ api }`, or a list.
 * @param options - How many keys to export.
 *
 * @throws `TypeError` or `RangeError` for a bad option or a name used twice.
 *
 * @example
 * ```ts
 * import { metrics } from '@opentelemetry/api';
 * import { Semaphore } from 'express-semaphore';
 * import { registerMetrics } from 'express-semaphore/opentelemetry';
 *
 * registerMetrics(metrics.getMeter('my-app'), { api: new Semaphore(100) });
 * ```
 */
export function registerMetrics(
  meter: Meter,
  limiters: Limiters,
  options: OpenTelemetryOptions = {},
): () => void {
  const { topKeys = 0 } = readOptions('registerMetrics', options, { topKeys: integer(0) });
  requireMethods('meter', meter, ...METER_METHODS);
  return register(limiters, topKeys, () => new OpenTelemetryExporter(meter));
}

const METER_METHODS = [
  'createObservableCounter',
  'createObservableUpDownCounter',
  'createHistogram',
  'addBatchObservableCallback',
  'removeBatchObservableCallback',
] satisfies (keyof Meter)[];

class OpenTelemetryExporter implements Exporter {
  readonly #meter: Meter;
  readonly #removals: (() => void)[] = [];

  constructor(meter: Meter) {
    this.#meter = meter;
  }

  addObservable(
    { name, kind, unit, description, label }: Instrument,
    read: () => Iterable<Measurement>,
  ): void {
    const observable: Observable =
      kind === 'gauge'
        ? this.#meter.createObservableUpDownCounter(name, { unit, description })
        : this.#meter.createObservableCounter(name, { unit, description });
    const report = (result: BatchObservableResult) => {
      for (const { value, limiter, label: is } of read()) {
        result.observe(observable, value, {
          [ATTRIBUTES.limiter]: limiter,
          ...(label !== undefined && is !== undefined && { [ATTRIBUTES[label]]: is }),
        });
      }
    };
    this.#meter.addBatchObservableCallback(report, [observable]);
    this.#removals.push(() => {
      this.#meter.removeBatchObservableCallback(report, [observable]);
    });
  }

  addHistogram({ name, unit, description }: DurationInstrument) {
    const advice = { explicitBucketBoundaries: DURATION_BUCKETS };
    const histogram = this.#meter.createHistogram(name, { unit, description, advice });
    return (seconds: number, limiter: string) => {
      histogram.record(seconds, { [ATTRIBUTES.limiter]: limiter });
    };
  }

  remove(): void {
    for (const remove of this.#removals) remove();
  }
}

/**
 * Adds an event `express_semaphore.wait` to the span that was active when a call was queued. Returns a function that stops it.
 *
 * The event is added when the wait ends. It has the limiter's name, the wait in seconds, and the error code if the call
 * was rejected or aborted. Calls that do not wait add no event.
 *
 * @param trace - The `trace` of `@opentelemetry/api`.
 *
 * @example
 * ```ts
 * import { trace } from '@opentelemetry/api';
 * import { traceWaits } from 'express-semaphore/opentelemetry';
 *
 * traceWaits(trace);
 * ```
 */
export function traceWaits(trace: Pick<TraceAPI, 'getActiveSpan'>): () => void {
  requireMethods('trace', trace, 'getActiveSpan');
  const spans = new WeakMap<LimiterEvents['queued'], Span>();
  const stops = [
    observe('queued', (message) => {
      const span = trace.getActiveSpan();
      if (span !== undefined) spans.set(message, span);
    }),
    observe('acquire', addEvent),
    observe('reject', addEvent),
  ];
  return function stopTracing() {
    for (const stop of stops) stop();
  };

  function addEvent(message: LimiterEvents['acquire'] | LimiterEvents['reject']): void {
    const { queued, name, waitMs } = message;
    if (queued === undefined) return;
    spans.get(queued)?.addEvent('express_semaphore.wait', {
      ...(name !== undefined && { [ATTRIBUTES.limiter]: name }),
      [WAIT_DURATION.name]: waitMs / 1_000,
      ...('code' in message && { [ATTRIBUTES.code]: message.code ?? 'aborted' }),
    });
  }
}

/** `error.type` is from the OpenTelemetry semantic conventions. They define none of the others. */
const ATTRIBUTES = {
  limiter: 'express_semaphore.limiter',
  code: 'error.type',
  outcome: 'express_semaphore.outcome',
  key: 'express_semaphore.key',
  scope: 'express_semaphore.scope',
};
