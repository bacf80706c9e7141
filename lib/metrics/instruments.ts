import type { KeyedStats, LimiterStats } from '../core/limiter.js';
import type { KeyRank } from '../keyed/top-keys.js';

/** Something to measure of every limiter. Its name is OpenTelemetry's; Prometheus's is made of it by rule. */
export interface Instrument {
  readonly name: string;
  /** A counter only grows; a gauge goes up and down. */
  readonly kind: 'counter' | 'gauge';
  /** By the Unified Code for Units of Measure; what stands in braces is a note. */
  readonly unit: string;
  readonly description: string;
}

/** One that `stats()` tells. */
export interface StatsInstrument extends Instrument {
  /** What tells the values of one limiter apart, if it has several. */
  readonly by?: 'code' | 'outcome';
  /** The values; none of a limiter to which it does not apply. */
  readonly read: (stats: LimiterStats | KeyedStats) => readonly (readonly [value: number, by?: string])[];
}

/** One of the busiest keys. */
export interface KeyInstrument extends Instrument {
  readonly rank: KeyRank;
}

/** A duration, as messages tell it. */
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
    description: 'Permits that may be out at once.',
    read: (stats) => ('permits' in stats ? [[stats.permits]] : []),
  },
  {
    name: 'express_semaphore.permit.usage',
    kind: 'gauge',
    unit: '{permit}',
    description: 'Permits that are out.',
    read: ({ held }) => [[held]],
  },
  {
    name: 'express_semaphore.waiters',
    kind: 'gauge',
    unit: '{waiter}',
    description: 'Calls that stand in line.',
    read: ({ waiting }) => [[waiting]],
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
    description: 'Permits granted.',
    read: ({ acquired }) => [[acquired]],
  },
  {
    name: 'express_semaphore.releases',
    kind: 'counter',
    unit: '{release}',
    description: 'Permits that came back, by outcome.',
    by: 'outcome',
    read: ({ released }) => apart(released),
  },
  {
    name: 'express_semaphore.rejections',
    kind: 'counter',
    unit: '{rejection}',
    description: 'Calls rejected, by error code.',
    by: 'code',
    read: ({ rejected }) => apart(rejected),
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
    description: 'Permits that are out, of the keys with the most.',
    rank: 'held',
  },
  {
    name: 'express_semaphore.key.waiters',
    kind: 'gauge',
    unit: '{waiter}',
    description: 'Calls that stand in line, of the keys with the most.',
    rank: 'waiting',
  },
  {
    name: 'express_semaphore.key.rejections',
    kind: 'counter',
    unit: '{rejection}',
    description: 'Calls refused since the key was last new, of the keys with the most.',
    rank: 'rejected',
  },
];

export const WAIT_DURATION: DurationInstrument = {
  name: 'express_semaphore.wait.duration',
  unit: 's',
  description: 'How long calls that had to wait stood in line, whatever came of it.',
};

export const HOLD_DURATION: DurationInstrument = {
  name: 'express_semaphore.hold.duration',
  unit: 's',
  description: 'How long permits were held.',
};

/** Bounds of the buckets of both, in seconds. */
export const DURATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

function apart(totals: Readonly<Record<string, number>>): [number, string][] {
  return Object.entries(totals).map(([name, total]) => [total, name]);
}
