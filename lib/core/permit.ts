import type { Outcome, Permit } from './limiter.js';
import { dispose } from '../internal/dispose.js';
import { notOneOf, requireInteger, wrongType } from '../internal/validate.js';

/**
 * Called once for each permit with its outcome, when its release takes effect. Before that, it is called without an
 * outcome for each part of the weight that is released before the rest.
 */
export type OnRelease = (weight: number, outcome: Outcome | undefined) => void;

/** A permit from grant to release. It calls `onRelease` once: when it is released and all held work has settled. */
export class HeldPermit implements Permit {
  weight: number;
  readonly waitedMs: number;
  #onRelease: OnRelease;
  #signal: AbortSignal | undefined;
  /** Set by the first release. */
  #outcome: Outcome | undefined;
  /** Promises given to `hold` that have not settled, and parts that are not released. */
  #works = 0;
  /** Parts that are not released. */
  #parts = 0;

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
    this.#settle();
    // Thrown last, so that the permit is released. An event that a listener gets is no outcome.
    if (!isKnown && typeof outcome === 'string') throw notOneOf('outcome', outcome, OUTCOMES);
  }

  #end(outcome: Outcome, weight = this.weight): void {
    if (this.#signal !== undefined) this.#dropSignal(this.#signal);
    this.#onRelease(weight, outcome);
  }

  /** Gives the weight back once it is released and no promise is pending. While parts are held, it does not end. */
  #settle(): void {
    if (this.#outcome === undefined || this.#works > this.#parts) return;
    if (this.#parts === 0) this.#end(this.#outcome);
    else this.#onRelease(this.weight, undefined);
  }

  /** A permit that its caller keeps must not keep the request behind the signal alive. */
  #dropSignal({ aborted }: AbortSignal): void {
    if (!aborted) this.#signal = undefined;
  }

  hold(work: PromiseLike<unknown>): void {
    if (!isPromiseLike(work)) throw wrongType('work', 'a promise', work);
    if (this.#outcome !== undefined && this.#works === this.#parts) return;
    this.#works++;
    const settled = () => {
      this.#works--;
      this.#settle();
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

  split(weight: number): Permit {
    this.checkPart(weight);
    this.weight -= weight;
    this.#parts++;
    this.#works++;
    return new PermitPart(this, weight, (given, outcome) => {
      if (outcome !== undefined) {
        this.#parts--;
        this.#works--;
      }
      // The last part ends a permit whose own weight was given back before.
      if (this.#outcome === undefined || this.#works > 0) this.#onRelease(given, undefined);
      else this.#end(this.#outcome, given);
    });
  }

  /** Throws unless a part of this weight can be split off. */
  protected checkPart(weight: number): void {
    requireInteger('weight', weight, 1);
    if (weight >= this.weight)
      throw new RangeError(`weight must be less than that of the permit (${this.weight}), got ${weight}`);
    if (this.#outcome !== undefined) throw new TypeError('a released permit cannot be split');
  }

  [dispose](): void {
    this.#release(undefined);
  }
}

/** A part of a permit. The outcome and the time of the whole are those of the permit. */
class PermitPart extends HeldPermit {
  readonly #whole: Permit;

  constructor(whole: Permit, weight: number, onRelease: OnRelease) {
    super(weight, onRelease, undefined, whole.waitedMs);
    this.#whole = whole;
  }

  override get signal(): AbortSignal {
    return this.#whole.signal;
  }
}

const OUTCOMES: readonly Outcome[] = ['success', 'overload', 'ignore'];

/** Whether `value` is a promise or another thenable. */
export function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
