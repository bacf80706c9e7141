import { metrics, trace } from '@opentelemetry/api';
import * as prom from 'prom-client';
import { Semaphore } from 'express-semaphore';
import * as dashboardEntry from 'express-semaphore/dashboard';
import * as openTelemetry from 'express-semaphore/opentelemetry';
import * as prometheus from 'express-semaphore/prometheus';
import type { PrometheusOptions } from 'express-semaphore/prometheus';
import { aFunction, integer, like, limiters, optional, string } from './kinds';
import { plainRow, rowsOf } from './row';
import type { Row } from './row';

const named = new Semaphore(1, { name: 'a' });

/** Rows for the dashboard. */
export const DASHBOARD_ROWS: readonly Row[] = [
  plainRow('dashboard', 'limiters', limiters, (all) => dashboardEntry.dashboard(all as object as never)),
  plainRow('dashboard', 'limiters.a', like(named), (a) => dashboardEntry.dashboard({ a: a as Semaphore })),
  ...rowsOf({
    name: 'dashboard',
    type: 'DashboardOptions',
    kinds: { authorize: aFunction(), maskKey: aFunction() },
    start: () => ({ call: (options) => dashboardEntry.dashboard({}, options as object) }),
  }),
  plainRow('basicAuth', 'user', string, (user) => dashboardEntry.basicAuth(user as string, 'secret')),
  plainRow('basicAuth', 'password', optional(string), (password) =>
    dashboardEntry.basicAuth('admin', password as string),
  ),
];

/** Rows for both kinds of metrics. */
export const METRICS_ROWS: readonly Row[] = [
  plainRow('registerMetrics', 'client', like(prom), (client) => {
    withRegistry((options) => prometheus.registerMetrics(client as typeof prom, { named }, options));
  }),
  plainRow('registerMetrics', 'limiters', limiters, (all) => {
    withRegistry((options) => prometheus.registerMetrics(prom, all as object as never, options));
  }),
  plainRow('registerMetrics', 'limiters.a', like(named), (a) => {
    withRegistry((options) => prometheus.registerMetrics(prom, { a: a as Semaphore }, options));
  }),
  ...rowsOf({
    name: 'registerMetrics',
    type: 'PrometheusOptions',
    kinds: { registry: like(new prom.Registry()), topKeys: integer(0) },
    required: {},
    start: () => ({
      call: (options) => {
        prometheus.registerMetrics(prom, { named }, options as PrometheusOptions)();
      },
    }),
  }),
  plainRow('registerMetrics', 'meter', like(metrics.getMeter('test')), (meter) => {
    openTelemetry.registerMetrics(meter as ReturnType<typeof metrics.getMeter>, { named })();
  }),
  plainRow('registerMetrics', 'limiters', limiters, (all) => {
    openTelemetry.registerMetrics(metrics.getMeter('test'), all as object as never)();
  }),
  ...rowsOf({
    name: 'registerMetrics',
    type: 'OpenTelemetryOptions',
    kinds: { topKeys: integer(0) },
    start: () => ({
      call: (options) => {
        openTelemetry.registerMetrics(metrics.getMeter('test'), { named }, options as object)();
      },
    }),
  }),
  plainRow('traceWaits', 'trace', like(trace), (api) => {
    openTelemetry.traceWaits(api as typeof trace)();
  }),
];

function withRegistry(register: (options: { registry: prom.Registry }) => () => void): void {
  register({ registry: new prom.Registry() })();
}
