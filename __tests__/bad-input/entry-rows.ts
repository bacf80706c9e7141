import { metrics, trace } from '@opentelemetry/api';
import * as prom from 'prom-client';
import { Semaphore } from 'express-semaphore';
import * as dashboardEntry from 'express-semaphore/dashboard';
import type { Control } from 'express-semaphore/dashboard';
import * as openTelemetry from 'express-semaphore/opentelemetry';
import * as prometheus from 'express-semaphore/prometheus';
import type { PrometheusOptions } from 'express-semaphore/prometheus';
import { aFunction, integer, like, list, object, oneOf, optional, string } from './kinds';
import type { Kind } from './kinds';
import { plainRow, rowsOf } from './row';
import type { Row } from './row';

const none = () => undefined;
const named = new Semaphore(1, { name: 'a' });
const limiters: Kind = list;

/** Rows for the dashboard. */
export const DASHBOARD_ROWS: readonly Row[] = [
  plainRow('dashboard', 'limiters', object, (all) => dashboardEntry.dashboard(all as object as never)),
  plainRow('dashboard', 'limiters.a', like(named), (a) => dashboardEntry.dashboard({ a: a as Semaphore })),
  ...rowsOf({
    name: 'dashboard',
    type: 'DashboardOptions',
    kinds: { authorize: aFunction(), maskKey: aFunction(), controls: object },
    start: () => ({ call: (options) => dashboardEntry.dashboard({}, options as object) }),
  }),
  plainRow('dashboard', 'controls.a', like({ type: 'button', label: 'a', press: none }), withControl),
  ...controlRows('RangeControl', 'range', {
    min: integer(Number.MIN_SAFE_INTEGER, undefined, 0),
    max: integer(0, undefined, Number.MAX_SAFE_INTEGER),
    step: optional(integer(1)),
    unit: optional(string),
    get: aFunction(() => 0),
    set: aFunction(),
  }),
  ...controlRows('ChoiceControl', 'choice', { choices: list, get: aFunction(() => 'a'), set: aFunction() }),
  ...controlRows('SwitchControl', 'switch', { get: aFunction(() => true), set: aFunction() }),
  ...controlRows('ButtonControl', 'button', { press: aFunction() }),
  ...controlRows('ReadingControl', 'reading', { get: aFunction(() => '') }),
];

/** Rows for both kinds of metrics. */
export const METRICS_ROWS: readonly Row[] = [
  plainRow('registerMetrics', 'client', like(prom), (client) => {
    withRegistry((options) => prometheus.registerMetrics(client as typeof prom, [named], options));
  }),
  plainRow('registerMetrics', 'limiters', limiters, (all) => {
    withRegistry((options) => prometheus.registerMetrics(prom, all as Semaphore[], options));
  }),
  plainRow('registerMetrics', 'limiters[0]', like(named), (a) => {
    withRegistry((options) => prometheus.registerMetrics(prom, [a as Semaphore], options));
  }),
  ...rowsOf({
    name: 'registerMetrics',
    type: 'PrometheusOptions',
    kinds: { registry: like(new prom.Registry()), topKeys: integer(0) },
    required: {},
    start: () => ({
      call: (options) => {
        prometheus.registerMetrics(prom, [named], options as PrometheusOptions<prom.Registry>)();
      },
    }),
  }),
  plainRow('registerMetrics', 'meter', like(metrics.getMeter('test')), (meter) => {
    openTelemetry.registerMetrics(meter as ReturnType<typeof metrics.getMeter>, [named])();
  }),
  plainRow('registerMetrics', 'limiters', limiters, (all) => {
    openTelemetry.registerMetrics(metrics.getMeter('test'), all as Semaphore[])();
  }),
  ...rowsOf({
    name: 'registerMetrics',
    type: 'OpenTelemetryOptions',
    kinds: { topKeys: integer(0) },
    start: () => ({
      call: (options) => {
        openTelemetry.registerMetrics(metrics.getMeter('test'), [named], options as object)();
      },
    }),
  }),
  plainRow('traceWaits', 'trace', like(trace), (api) => {
    openTelemetry.traceWaits(api as typeof trace)();
  }),
];

/** A row for each part of a control. */
function controlRows(type: string, name: string, own: Readonly<Record<string, Kind>>): Row[] {
  const kinds: Record<string, Kind> = { ...own, type: oneOf(name), label: string };
  const whole = Object.fromEntries(Object.entries(kinds).map(([part, kind]) => [part, kind.good]));
  return Object.entries(kinds).map(([part, kind]) => ({
    ...plainRow('dashboard', `controls.a.${part}`, kind, (value) => withControl({ ...whole, [part]: value })),
    covers: ['dashboard', `${type}.${part}`],
    title: `dashboard: a ${name}'s ${part}`,
  }));
}

function withControl(a: unknown): unknown {
  return dashboardEntry.dashboard({}, { controls: { a: a as Control } });
}

function withRegistry(register: (options: { registry: prom.Registry }) => () => void): void {
  register({ registry: new prom.Registry() })();
}
