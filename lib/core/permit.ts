import type { Outcome, Permit } from './limiter.js';
import { dispose } from '../internal/dispose.js';
import { describe, notOneOf } from '../internal/validate.js';

/** Called once for each permit, when its release takes effect. */
export type OnRelease = (weight: number, outcome: Outcome) => void;

/** A permit from grant to release. It calls `onRelease` once: when it is released and all held work has settled. */
export class HeldPermit implements Permit {
  readonly weight: number;
  readonly waitedMs: number;
  #onRelease: OnRelease;
  #signal: AbortSignal | undefined;
  /** Set by the first release. */
  #outcome: Outcome | undefined = undefined;
  /** Promises given to `hold` that have not settled. */
  #works = 0;

  constructor(weight: number, onRelease: OnRelease, signal?: AbortSignal, waitedMs = 0) {
    this.weight = weight;
    this.waitedMs = waitedMs;
    this.#onRelease = onRelease;
    this.#signal = signal;
  }

  get signal(): AbortSignal {
    return (this.#signal ??= new AbortController().signal);
  }

  /** A getter, so that `release` can be passed as a listener: the function that it returns needs no `this`. */
  get release(): (outcome?: Outcome) => void {
    return (outcome) => {
      // The usual release.
      if (outcome === undefined && this.#outcome === undefined && this.#works === 0) {
        this.#outcome = 'success';
        this.#end('success');
      } else this.#release(outcome);
    };
  }

  #release(outcome: Outcome | undefined): void {
    if (this.#outcome !== undefined) return;
    const isKnown = outcome === undefined || OUTCOMES.includes(outcome);
    this.#outcome = isKnown ? (outcome ?? 'success') : 'ignore';
    if (this.#works === 0) this.#end(this.#outcome);
    // Thrown last, so that the permit is released. An event that a listener gets is no outcome.
    if (!isKnown && typeof outcome === 'string') throw notOneOf('outcome', outcome, OUTCOMES);
  }

  #end(outcome: Outcome): void {
    if (this.#signal !== undefined) this.#dropSignal(this.#signal);
    this.#onRelease(this.weight, outcome);
  }

  /** A permit that its caller keeps must not keep the request behind the signal alive. */
  #dropSignal({ aborted }: AbortSignal): void {
    if (!aborted) this.#signal = undefined;
  }

  hold(work: PromiseLike<unknown>): void {
    if (!isPromiseLike(work)) throw new TypeError(`work must be a promise, got ${describe(work)}`);
    if (this.#outcome !== undefined && this.#works === 0) return;
    this.#works++;
    const settled = () => {
      if (--this.#works === 0 && this.#outcome !== undefined) this.#end(this.#outcome);
    };
    const failed = (reason: unknown) => {
      settled();
      // So that a rejection that nobody handles stays unhandled.
      throw reason;
    };
    // The real `then` of a real promise: a thenable that settles twice, or throws, counts once.
    void Promise.prototype.then.call(Promise.resolve(work), settled, failed);
  }

  /**
   * Makes the release of `permit` call what `change` makes of its `onRelease`. Returns `false` for a permit that this copy
   * of the package did not make, and for one whose `release` was replaced.
   */
  static changeRelease(permit: Permit, change: (onRelease: OnRelease) => OnRelease): boolean {
    if (!(#onRelease in permit) || Object.hasOwn(permit, 'release')) return false;
    permit.#onRelease = change(permit.#onRelease);
    return true;
  }

  [dispose](): void {
    this.#release(undefined);
  }
}

const OUTCOMES: readonly Outcome[] = ['success', 'overload', 'ignore'];

/** Whether `value` is a promise or another thenable. */
export function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
