import type { KeyedStats, LimiterStats } from '../core/limiter.js';
import type { KeyRank } from '../keyed/top-keys.js';

/** A label that an instrument may have beside the limiter's name. */
export type Label = 'code' | 'outcome' | 'key' | 'scope';

/** A metric of every limiter. The name follows OpenTelemetry; the Prometheus exporter derives its own name by rule. */
export interface Instrument {
  readonly name: string;
  /** A counter only grows. A gauge goes up and down. */
  readonly kind: 'counter' | 'gauge';
  /** A unit of the Unified Code for Units of Measure. Text in braces is an annotation. */
  readonly unit: string;
  readonly description: string;
  readonly label?: Label;
}

/** A metric read from `stats()`. */
export interface StatsInstrument extends Instrument {
  /** Returns the values of one limiter. The list is empty if the metric does not apply to the limiter. */
  readonly read: (stats: LimiterStats | KeyedStats) => readonly (readonly [value: number, label?: string])[];
}

/** A metric of the busiest keys. */
export interface KeyInstrument extends Instrument {
  readonly rank: KeyRank;
}

/** A histogram of durations, recorded from events. */
export interface DurationInstrument {
  readonly name: string;
  readonly unit: 's';
  readonly description: string;
}

export const STATS_INSTRUMENTS: readonly StatsInstrument[] = [
  {
    name: 'express_semaphore.permit.limit',
    kind: 'gauge',
    unit: '{permit}',
    description: 'Maximum number of permits held at once. With scope="fleet", of all processes together.',
    label: 'scope',
    read: (stats) => {
      if (!('permits' in stats)) return [];
      return 'fleet' in stats ? [[stats.permits, FLEET]] : [[stats.permits]];
    },
  },
  {
    name: 'express_semaphore.permit.usage',
    kind: 'gauge',
    unit: '{permit}',
    description: 'Permits held.',
    read: ({ held }) => [[held]],
  },
  {
    name: 'express_semaphore.waiters',
    kind: 'gauge',
    unit: '{waiter}',
    description: 'Callers in the queue.',
    read: ({ waiting }) => [[waiting]],
  },
  {
    name: 'express_semaphore.fleet.permit.usage',
    kind: 'gauge',
    unit: '{permit}',
    description: 'Permits held by all processes together. Each process reports the same value.',
    label: 'scope',
    read: (stats) => ofFleet(stats, ({ held }) => held),
  },
  {
    name: 'express_semaphore.fleet.waiters',
    kind: 'gauge',
    unit: '{waiter}',
    description: 'Callers in the queues of all processes together. Each process reports the same value.',
    label: 'scope',
    read: (stats) => ofFleet(stats, ({ waiting }) => waiting),
  },
  {
    name: 'express_semaphore.fleet.nodes',
    kind: 'gauge',
    unit: '{node}',
    description: 'Processes that share the limit. Each process reports the same value.',
    label: 'scope',
    read: (stats) => ofFleet(stats, ({ nodes }) => nodes),
  },
  {
    name: 'express_semaphore.backend.up',
    kind: 'gauge',
    unit: '1',
    description: '1 while this process can use the backend of the limiter, 0 while it cannot.',
    read: (stats) => {
      const { backend } = stats as Partial<SharedStats>;
      return backend === undefined ? [] : [[backend === 'up' ? 1 : 0]];
    },
  },
  {
    name: 'express_semaphore.keys',
    kind: 'gauge',
    unit: '{key}',
    description: 'Keys kept, busy and idle.',
    read: (stats) => ('keys' in stats ? [[stats.keys]] : []),
  },
  {
    name: 'express_semaphore.busy_keys',
    kind: 'gauge',
    unit: '{key}',
    description: 'Keys with a holder or a waiter.',
    read: (stats) => ('keys' in stats ? [[stats.busyKeys]] : []),
  },
  {
    name: 'express_semaphore.acquisitions',
    kind: 'counter',
    unit: '{acquisition}',
    description: 'Calls granted.',
    read: ({ acquired }) => [[acquired]],
  },
  {
    name: 'express_semaphore.releases',
    kind: 'counter',
    unit: '{release}',
    description: 'Permits released, by outcome.',
    label: 'outcome',
    read: ({ released }) => entriesOf(released),
  },
  {
    name: 'express_semaphore.rejections',
    kind: 'counter',
    unit: '{rejection}',
    description: 'Calls rejected, by error code.',
    label: 'code',
    read: ({ rejected }) => entriesOf(rejected),
  },
  {
    name: 'express_semaphore.aborts',
    kind: 'counter',
    unit: '{abort}',
    description: 'Calls ended by their signal.',
    read: ({ aborted }) => [[aborted]],
  },
];

export const KEY_INSTRUMENTS: readonly KeyInstrument[] = [
  {
    name: 'express_semaphore.key.permit.usage',
    kind: 'gauge',
    unit: '{permit}',
    description: 'Permits held, of the keys that hold most.',
    label: 'key',
    rank: 'held',
  },
  {
    name: 'express_semaphore.key.waiters',
    kind: 'gauge',
    unit: '{waiter}',
    description: 'Callers in the queue, of the keys with most waiters.',
    label: 'key',
    rank: 'waiting',
  },
  {
    name: 'express_semaphore.key.rejections',
    kind: 'counter',
    unit: '{rejection}',
    description: 'Calls rejected since the key was created, of the keys with most rejections.',
    label: 'key',
    rank: 'rejected',
  },
];

export const WAIT_DURATION: DurationInstrument = {
  name: 'express_semaphore.wait.duration',
  unit: 's',
  description: 'Time that queued calls waited, whether granted, rejected or aborted.',
};

export const HOLD_DURATION: DurationInstrument = {
  name: 'express_semaphore.hold.duration',
  unit: 's',
  description: 'Time that permits were held.',
};

/** Bucket bounds of both histograms, in seconds. */
export const DURATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Value of `scope` where every process of a fleet reports the same value. Aggregate such series with `max`, not `sum`. */
const FLEET = 'fleet';

/** Stats of a limiter that all processes of a fleet share. `fleet` is `undefined` unless the backend answers. */
interface SharedStats {
  readonly backend: 'up' | 'down';
  readonly fleet: { readonly held: number; readonly waiting: number; readonly nodes: number } | undefined;
}

function ofFleet(
  stats: object,
  read: (fleet: NonNullable<SharedStats['fleet']>) => number,
): [number, string][] {
  const { fleet } = stats as Partial<SharedStats>;
  return fleet === undefined ? [] : [[read(fleet), FLEET]];
}

function entriesOf(totals: Readonly<Record<string, number>>): [number, string][] {
  return Object.entries(totals).map(([name, total]) => [total, name]);
}
