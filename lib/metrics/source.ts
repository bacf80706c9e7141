import { observe } from '../core/events.js';
import type { AcquireMessage } from '../core/events.js';
import type { Limiter } from '../core/limiter.js';
import { describe, requireLimiter, requireList } from '../internal/validate.js';
import { isKeyed } from '../keyed/keyed-semaphore.js';
import type { KeyedSemaphore } from '../keyed/keyed-semaphore.js';
import type { KeyInstrument, StatsInstrument } from './instruments.js';

/** What can be measured: anything with a `name` in its `stats()`. */
export type Measurable = Limiter | KeyedSemaphore;

/** One value of an instrument. */
export interface Measurement {
  readonly value: number;
  /** The limiter's name. */
  readonly limiter: string;
  /** The outcome, the code or the key, where the instrument has one. */
  readonly by?: string | undefined;
}

/** Named limiters, as exporters read them. */
export class Source {
  readonly #limiters = new Map<string, Measurable>();

  /** @throws `TypeError` if it is no list of limiters, or one has no name, or the name of another. */
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
      for (const [value, by] of instrument.read(limiter.stats())) yield { value, limiter: name, by };
    }
  }

  *readKeys(instrument: KeyInstrument, count: number): IterableIterator<Measurement> {
    for (const [name, limiter] of this.#limiters) {
      if (!isKeyed(limiter)) continue;
      for (const use of limiter.top(instrument.rank, count)) {
        yield { value: use[instrument.rank], limiter: name, by: use.key };
      }
    }
  }

  /** Calls `record` with the seconds that each wait of one of the limiters took, until what it returns is called. */
  observeWaits(record: (seconds: number, limiter: string) => void): () => void {
    const onEnd = ({ name, queued, waitMs }: WaitEnd) => {
      if (queued !== undefined && waitMs !== undefined) this.#record(name, waitMs, record);
    };
    const stops = [observe('acquire', onEnd), observe('reject', onEnd)];
    return () => {
      for (const stop of stops) stop();
    };
  }

  /** Calls `record` with the seconds that each permit of one of the limiters was held. */
  observeHolds(record: (seconds: number, limiter: string) => void): () => void {
    return observe('release', ({ name, holdMs }) => {
      this.#record(name, holdMs, record);
    });
  }

  #record(name: string | undefined, ms: number, record: (seconds: number, limiter: string) => void): void {
    if (name !== undefined && this.#limiters.has(name)) record(ms / 1_000, name);
  }
}

type WaitEnd = Pick<AcquireMessage, 'name' | 'queued' | 'waitMs'>;
