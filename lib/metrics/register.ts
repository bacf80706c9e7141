import type { Limiters } from '../keyed/limiters.js';
import { HOLD_DURATION, KEY_INSTRUMENTS, STATS_INSTRUMENTS, WAIT_DURATION } from './instruments.js';
import type { DurationInstrument, Instrument } from './instruments.js';
import { Source } from './source.js';
import type { Measurement, RecordDuration } from './source.js';

/** The client library of a metrics system. */
export interface Exporter {
  /** Adds an instrument. The client calls `read` at each collection. */
  addObservable(instrument: Instrument, read: () => Iterable<Measurement>): void;

  /** Adds a histogram and returns the function that records one duration. */
  addHistogram(instrument: DurationInstrument): RecordDuration;

  /** Removes everything that was added. */
  remove(): void;
}

/**
 * Registers every instrument of `limiters` with the exporter that `connect` makes. Returns a function that removes them.
 *
 * @throws `TypeError` for a bad limiter. `connect` is not called then.
 */
export function register(limiters: Limiters, topKeys: number, connect: () => Exporter): () => void {
  const source = new Source(limiters);
  const exporter = connect();
  for (const instrument of STATS_INSTRUMENTS)
    exporter.addObservable(instrument, () => source.read(instrument));
  for (const instrument of topKeys > 0 ? KEY_INSTRUMENTS : []) {
    exporter.addObservable(instrument, () => source.readKeys(instrument, topKeys));
  }
  const stops = [
    source.observeWaits(exporter.addHistogram(WAIT_DURATION)),
    source.observeHolds(exporter.addHistogram(HOLD_DURATION)),
  ];
  return function removeMetrics() {
    for (const stop of stops) stop();
    exporter.remove();
  };
}
