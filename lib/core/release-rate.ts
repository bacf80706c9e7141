/** A sample this old is replaced by a newer one, in milliseconds. */
const WINDOW_MS = 1_000;
/** A sample older than this says nothing about now, in milliseconds. */
const STALE_MS = 10_000;

/**
 * Measures how fast permits come back: a plain difference quotient over the last one to two seconds.
 * It is sampled only when somebody asks, so it costs nothing while there is no overload.
 */
export class ReleaseRate {
  #older: Sample | undefined;
  #newer: Sample | undefined;

  /** Permits a millisecond, `released` having come back in all by `now`; `undefined` before there is a measurement. */
  perMs(released: number, now: number): number | undefined {
    if (this.#newer !== undefined && now - this.#newer.now > STALE_MS) this.#older = this.#newer = undefined;
    if (this.#newer === undefined || now - this.#newer.now >= WINDOW_MS) {
      this.#older = this.#newer;
      this.#newer = { released, now };
    }
    const from = this.#older ?? this.#newer;
    return released > from.released && now > from.now
      ? (released - from.released) / (now - from.now)
      : undefined;
  }
}

interface Sample {
  readonly released: number;
  readonly now: number;
}
