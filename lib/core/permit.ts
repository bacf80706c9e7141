import type { Outcome, Permit } from './limiter.js';
import { describe, requireOneOf } from '../internal/validate.js';

/** Called with what comes back, once a permit. */
export type OnRelease = (weight: number, outcome: Outcome) => void;

/** A permit on its way from grant to return: it calls `takeBack` once, when released and no longer held by work. */
export class HeldPermit implements Permit {
  readonly weight: number;
  readonly #onRelease: OnRelease;
  #signal: AbortSignal | undefined;
  /** Set by the first release; later ones find it set. */
  #outcome: Outcome | undefined = undefined;
  #works = 0;

  constructor(weight: number, takeBack: OnRelease, signal?: AbortSignal) {
    this.weight = weight;
    this.#onRelease = takeBack;
    this.#signal = signal;
  }

  get signal(): AbortSignal {
    return (this.#signal ??= new AbortController().signal);
  }

  release(outcome: Outcome = 'success'): void {
    if (this.#outcome !== undefined) return;
    const isKnown = outcome === 'success' || OUTCOMES.includes(outcome);
    this.#outcome = isKnown ? outcome : 'ignore';
    if (this.#works === 0) this.#onRelease(this.weight, this.#outcome);
    // Not before it is back: `release` is often a listener or a callback, which is called with things of all kinds.
    if (!isKnown) requireOneOf('outcome', outcome, OUTCOMES);
  }

  hold(work: PromiseLike<unknown>): void {
    if (!isPromiseLike(work)) throw new TypeError(`work must be a promise, got ${describe(work)}`);
    if (this.#outcome !== undefined && this.#works === 0) return;
    this.#works++;
    const settled = () => {
      if (--this.#works === 0 && this.#outcome !== undefined) this.#onRelease(this.weight, this.#outcome);
    };
    // Adopted by a real promise and asked by its real `then`, so that one that settles twice, or throws, counts once.
    void Promise.prototype.then.call(Promise.resolve(work), settled, settled);
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

const OUTCOMES: readonly Outcome[] = ['success', 'overload', 'ignore'];

/** Whether `value` can be awaited for something. */
export function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
