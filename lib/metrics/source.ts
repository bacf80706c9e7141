import { observe } from '../core/events.js';
import type { LimiterEvents } from '../core/events.js';
import type { Limiter } from '../core/limiter.js';
import { describe, requireLimiter, requireList } from '../internal/validate.js';
import { isKeyed } from '../keyed/keyed-semaphore.js';
import type { KeyedSemaphore } from '../keyed/keyed-semaphore.js';
import type { KeyInstrument, StatsInstrument } from './instruments.js';

/** A limiter that can be measured. It must have a `name`. */
export type Measurable = Limiter | KeyedSemaphore;

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

/** The named limiters that one exporter reads. */
export class Source {
  readonly #limiters = new Map<string, Measurable>();

  /** @throws `TypeError` if `limiters` is not a list of limiters, or if a name is missing or used twice. */
  constructor(limiters: readonly Measurable[]) {
    requireList('limiters', limiters);
    for (const [index, limiter] of limiters.entries()) {
      requireLimiter(`limiters[${index}]`, limiter);
      const { name } = limiter.stats();
      if (name === undefined || this.#limiters.has(name)) {
        throw new TypeError(`limiters[${index}] must have a name of its own, got ${describe(name)}`);
      }
      this.#limiters.set(name, limiter);
    }
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
