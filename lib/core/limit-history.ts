import type { PastLimit } from './limiter.js';

/** Changes closer than this count as one, in milliseconds. */
const STEP_MS = 1_000;
/** How many are kept. */
const STEPS = 120;

/** The limits of the last while, so that one can see how an adaptive limit moved. It is bounded. */
export class LimitHistory {
  readonly #limits: { readonly permits: number; readonly from: number }[] = [];

  /** Notes a limit that holds from `now` on. */
  add(permits: number, now: number): void {
    const last = this.#limits.at(-1);
    if (last !== undefined && now - last.from < STEP_MS) {
      this.#limits[this.#limits.length - 1] = { permits, from: last.from };
      return;
    }
    this.#limits.push({ permits, from: now });
    if (this.#limits.length > STEPS) this.#limits.shift();
  }

  /** Oldest first, frozen. */
  snapshot(now: number): readonly PastLimit[] {
    return Object.freeze(
      this.#limits.map(({ permits, from }) => Object.freeze({ permits, agoMs: now - from })),
    );
  }
}
