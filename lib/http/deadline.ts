import { setImmediate } from 'node:timers';
import { systemClock } from '../internal/clock.js';
import type { Clock } from '../internal/clock.js';
import { runInRootContext } from '../internal/root-context.js';

/** Requests that the percentile is taken from. Few, so that it follows a dependency that slows down. */
const KEPT = 64;
/** Rank of the 90th percentile of so many times. */
const RANK = 0.9;
/** Ended requests after which the percentile is computed again. */
const REFRESH = 8;
/** Weight of the newest turn of the event loop in the lag. */
const NEWEST = 0.25;

/**
 * Computes how long a request may wait if it has to end by its deadline. From the time that is left it takes two: the
 * 90th percentile of how long requests take once they have a permit, and the lag of the event loop.
 *
 * The lag is the mean length of recent turns of the loop. A request waits that long before anybody sees it, and its
 * answer waits that long before it is sent.
 */
export class Deadline {
  readonly #deadlineMs: number;
  readonly #clock: Clock;
  readonly #nextTurn: (call: () => void) => void;
  readonly #times: number[] = [];
  #ended = 0;
  #p90Ms = 0;
  #lagMs = 0;
  #isProbing = false;

  /** `nextTurn` calls back in the next turn of the event loop. */
  constructor(deadlineMs: number, clock = systemClock, nextTurn: (call: () => void) => void = setImmediate) {
    this.#deadlineMs = deadlineMs;
    this.#clock = clock;
    this.#nextTurn = nextTurn;
  }

  now(): number {
    return this.#clock.now();
  }

  /** Whether a request that came at `since` is too late. */
  isOver(since: number): boolean {
    return this.now() - since >= this.#deadlineMs;
  }

  /** Longest wait from now on of a request that came at `since`, in milliseconds. 0 lets it use a free permit. */
  maxWaitMs(since: number): number {
    const now = this.now();
    if (!this.#isProbing) this.#probe(now);
    return Math.max(0, this.#deadlineMs - (now - since) - this.#p90Ms - this.#lagMs);
  }

  /** Returns what has to be called when the request is over, with the part of the time from now on that it waited. */
  watch(): (waitedMs: number) => void {
    const since = this.now();
    return (waitedMs) => {
      this.#times[this.#ended++ % KEPT] = this.now() - since - waitedMs;
      if (this.#ended % REFRESH !== 0) return;
      const sorted = [...this.#times].sort((one, other) => one - other);
      this.#p90Ms = sorted[Math.ceil(RANK * sorted.length) - 1] ?? 0;
    };
  }

  /** Measures what is left of this turn of the event loop. */
  #probe(since: number): void {
    this.#isProbing = true;
    runInRootContext(() => {
      this.#nextTurn(() => {
        this.#isProbing = false;
        this.#lagMs += NEWEST * (this.now() - since - this.#lagMs);
      });
    });
  }
}
