import { observe } from '../core/events.js';
import type { LimiterEvents } from '../core/events.js';
import { statsRecorderOf } from '../core/stats-recorder.js';
import { describe } from '../internal/validate.js';
import type { Limiter } from '../core/limiter.js';
import { isKeyed } from '../keyed/key-limiter.js';
import type { KeyedSemaphore } from '../keyed/keyed-semaphore.js';
import { entriesOf, requireLimiters } from '../keyed/limiters.js';
import type { Limiters } from '../keyed/limiters.js';
import type { KeyInstrument, StatsInstrument } from './instruments.js';

/** One value of an instrument. */
export interface Measurement {
  readonly value: number;
  /** Name of the limiter. */
  readonly limiter: string;
  /** Value of the instrument's label, if it has one. */
  readonly label?: string | undefined;
}

/** Receives the duration of one wait or one hold, in seconds. */
export type RecordDuration = (seconds: number, limiter: string) => void;

/** The limiters that one exporter reads, by their names. */
export class Source {
  readonly #limiters = new Map<string, Limiter | KeyedSemaphore>();

  /**
   * Gives each limiter without a `name` its key as the name, so that its events have it, too.
   *
   * @throws `TypeError` if `limiters` is no object or list of limiters, or if two have the same name.
   */
  constructor(limiters: Limiters) {
    requireLimiters(limiters);
    for (const [key, limiter] of entriesOf(limiters)) {
      const { name = key } = limiter.stats();
      if (this.#limiters.has(name)) {
        throw new TypeError(`limiters.${key} must have a name of its own, got ${describe(name)}`);
      }
      this.#limiters.set(name, limiter);
    }
    for (const [name, limiter] of this.#limiters) statsRecorderOf(limiter)?.nameUnlessNamed(name);
  }

  *read(instrument: StatsInstrument): IterableIterator<Measurement> {
    for (const [name, limiter] of this.#limiters) {
      for (const [value, label] of instrument.read(limiter.stats())) yield { value, limiter: name, label };
    }
  }

  *readKeys(instrument: KeyInstrument, count: number): IterableIterator<Measurement> {
    for (const [name, limiter] of this.#limiters) {
      if (!isKeyed(limiter)) continue;
      for (const use of limiter.top(instrument.rank, count)) {
        yield { value: use[instrument.rank], limiter: name, label: use.key };
      }
    }
  }

  /** Calls `record` for each wait that ends. Returns a function that stops it. */
  observeWaits(record: RecordDuration): () => void {
    const onEnd = ({ name, queued, waitMs }: LimiterEvents['acquire'] | LimiterEvents['reject']) => {
      if (queued !== undefined) this.#record(name, waitMs, record);
    };
    const stops = [observe('acquire', onEnd), observe('reject', onEnd)];
    return () => {
      for (const stop of stops) stop();
    };
  }

  /** Calls `record` for each permit that is released. Returns a function that stops it. */
  observeHolds(record: RecordDuration): () => void {
    return observe('release', ({ name, holdMs }) => {
      this.#record(name, holdMs, record);
    });
  }

  #record(name: string | undefined, ms: number, record: RecordDuration): void {
    if (name !== undefined && this.#limiters.has(name)) record(ms / 1_000, name);
  }
}
