import { observe } from '../core/events.js';
import type { AcquireMessage, QueuedMessage, RejectMessage } from '../core/events.js';
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
 * What of a `Meter` of `@opentelemetry/api` is used.
 *
 * @example
 * ```ts
 * import { metrics, trace } from '@opentelemetry/api';
 * import type { Observable } from '@opentelemetry/api';
 * import type { OpenTelemetryMeter, OpenTelemetryMetricOptions } from 'express-semaphore/opentelemetry';
 * import type { OpenTelemetryResult, OpenTelemetrySpan } from 'express-semaphore/opentelemetry';
 *
 * const meter: OpenTelemetryMeter<Observable> = metrics.getMeter('my-app');
 * const options: OpenTelemetryMetricOptions = { unit: '{waiter}', description: 'Waiters.' };
 * const waiters = meter.createObservableUpDownCounter('waiters', options);
 * const observe = (result: OpenTelemetryResult<Observable>) => result.observe(waiters, 3, { limiter: 'api' });
 * meter.addBatchObservableCallback(observe, [waiters]);
 * const span: OpenTelemetrySpan | undefined = trace.getActiveSpan();
 * span?.addEvent('waited', {});
 * ```
 */
export interface OpenTelemetryMeter<Observable> {
  createObservableCounter(name: string, options: OpenTelemetryMetricOptions): Observable;
  createObservableUpDownCounter(name: string, options: OpenTelemetryMetricOptions): Observable;
  createHistogram(
    name: string,
    options: OpenTelemetryMetricOptions & { advice: { explicitBucketBoundaries: number[] } },
  ): { record(value: number, attributes: Record<string, string>): void };
  addBatchObservableCallback(
    callback: (result: OpenTelemetryResult<Observable>) => void,
    observables: Observable[],
  ): void;
  removeBatchObservableCallback(
    callback: (result: OpenTelemetryResult<Observable>) => void,
    observables: Observable[],
  ): void;
}

/** What it is told of an instrument. */
export interface OpenTelemetryMetricOptions {
  unit: string;
  description: string;
}

/** What it collects. */
export interface OpenTelemetryResult<Observable> {
  observe(observable: Observable, value: number, attributes: Record<string, string>): void;
}

/** What of a `Span` of `@opentelemetry/api` is used. */
export interface OpenTelemetrySpan {
  addEvent(name: string, attributes: Record<string, string | number>): unknown;
}

/** What keys the metrics tell of. */
export interface OpenTelemetryOptions {
  /**
   * Of how many keys each metric of keys tells: those with the most permits out, waiters and refusals. Each new key is a
   * new series, with what your clients call themselves as its attribute. @defaultValue `0`
   */
  readonly topKeys?: number | undefined;
}

/**
 * Makes instruments that measure `limiters`, each of which has a `name`. What it returns stops them.
 *
 * Counts are read when the SDK collects. Durations are recorded as they end, so from now on each permit of this process
 * costs its holder some microseconds more.
 *
 * @throws `TypeError` or `RangeError` for a bad option or a limiter without a name of its own.
 *
 * @example
 * ```ts
 * import { metrics } from '@opentelemetry/api';
 * import { Semaphore } from 'express-semaphore';
 * import { registerMetrics } from 'express-semaphore/opentelemetry';
 * import type { Measurable, OpenTelemetryOptions } from 'express-semaphore/opentelemetry';
 *
 * const limiters: Measurable[] = [new Semaphore(100, { name: 'api' })];
 * const options: OpenTelemetryOptions = { topKeys: 0 };
 * const stop = registerMetrics(metrics.getMeter('my-app'), limiters, options);
 * stop();
 * ```
 */
export function registerMetrics<Observable>(
  meter: OpenTelemetryMeter<Observable>,
  limiters: readonly Measurable[],
  options: OpenTelemetryOptions = {},
): () => void {
  requireOptions(options);
  const { topKeys = 0, ...unknown } = options;
  warnOfUnknown('registerMetrics', unknown);
  requireMethods('meter', meter, ...METER_METHODS);
  requireInteger('topKeys', topKeys, 0);
  const source = new Source(limiters);

  const observables: Observable[] = [];
  const reports: ((result: OpenTelemetryResult<Observable>) => void)[] = [];
  for (const instrument of STATS_INSTRUMENTS) {
    addObservable(instrument, instrument.by, () => source.read(instrument));
  }
  for (const instrument of topKeys > 0 ? KEY_INSTRUMENTS : []) {
    addObservable(instrument, 'key', () => source.readKeys(instrument, topKeys));
  }
  meter.addBatchObservableCallback(report, observables);
  const stops = [
    source.observeWaits(addHistogram(WAIT_DURATION)),
    source.observeHolds(addHistogram(HOLD_DURATION)),
  ];

  return function stopMetrics() {
    for (const stop of stops) stop();
    meter.removeBatchObservableCallback(report, observables);
  };

  function report(result: OpenTelemetryResult<Observable>): void {
    for (const one of reports) one(result);
  }

  function addObservable(
    { name, kind, unit, description }: Instrument,
    by: keyof typeof ATTRIBUTES | undefined,
    read: () => Iterable<Measurement>,
  ): void {
    const observable =
      kind === 'gauge'
        ? meter.createObservableUpDownCounter(name, { unit, description })
        : meter.createObservableCounter(name, { unit, description });
    observables.push(observable);
    reports.push((result) => {
      for (const measurement of read()) {
        result.observe(observable, measurement.value, attributesOf(measurement, by));
      }
    });
  }

  function addHistogram({
    name,
    unit,
    description,
  }: DurationInstrument): (seconds: number, limiter: string) => void {
    const advice = { explicitBucketBoundaries: DURATION_BUCKETS };
    const histogram = meter.createHistogram(name, { unit, description, advice });
    return (seconds, limiter) => {
      histogram.record(seconds, attributesOf({ limiter }));
    };
  }
}

/**
 * Adds an event to the span that was active when a call joined a line, once its wait is over: how long it took, of which
 * limiter, and what came of it. What it returns ends that.
 *
 * `trace` is that of `@opentelemetry/api`.
 *
 * @example
 * ```ts
 * import { trace } from '@opentelemetry/api';
 * import { traceWaits } from 'express-semaphore/opentelemetry';
 *
 * const stop = traceWaits(trace);
 * stop();
 * ```
 */
export function traceWaits(trace: { getActiveSpan(): OpenTelemetrySpan | undefined }): () => void {
  requireMethods('trace', trace, 'getActiveSpan');
  const spans = new WeakMap<QueuedMessage, OpenTelemetrySpan>();
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

  function addEvent(message: AcquireMessage | RejectMessage): void {
    const { queued, name, waitMs } = message;
    if (queued === undefined || waitMs === undefined) return;
    spans.get(queued)?.addEvent('express_semaphore.wait', {
      ...(name !== undefined && { [ATTRIBUTES.limiter]: name }),
      [WAIT_DURATION.name]: waitMs / 1_000,
      ...('code' in message && { [ATTRIBUTES.code]: message.code ?? 'aborted' }),
    });
  }
}

const METER_METHODS: readonly (keyof OpenTelemetryMeter<unknown>)[] = [
  'createObservableCounter',
  'createObservableUpDownCounter',
  'createHistogram',
  'addBatchObservableCallback',
  'removeBatchObservableCallback',
];

/** `error.type` is the conventions' own; the others have none. */
const ATTRIBUTES = {
  limiter: 'express_semaphore.limiter',
  code: 'error.type',
  outcome: 'express_semaphore.outcome',
  key: 'express_semaphore.key',
};

function attributesOf(
  { limiter, by: name }: Pick<Measurement, 'limiter' | 'by'>,
  by?: keyof typeof ATTRIBUTES,
): Record<string, string> {
  return {
    [ATTRIBUTES.limiter]: limiter,
    ...(by !== undefined && name !== undefined && { [ATTRIBUTES[by]]: name }),
  };
}
