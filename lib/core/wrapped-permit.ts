import { anySignal } from '../internal/abort-listeners.js';
import { requireMethods } from '../internal/validate.js';
import { firstOf, HOLD_LIMIT, holdLimitOf } from './hold-limit.js';
import type { HoldTimeout } from './hold-limit.js';
import type { Outcome, Permit } from './limiter.js';
import { HeldPermit } from './permit.js';
import type { OnRelease } from './permit.js';

/** One permit in place of others, which have one weight. It releases and splits each of them. */
export class WrappedPermit extends HeldPermit {
  readonly #permits: readonly Permit[];
  readonly #given: AbortSignal | undefined;
  #any: AbortSignal | undefined;

  /** `given` is the signal of the `acquire` of each permit, if they had one. */
  constructor(permits: readonly Permit[], given?: AbortSignal) {
    const onRelease = (weight: number, outcome: Outcome | undefined): void => {
      if (outcome === undefined) for (const permit of permits) permit.split(weight).release();
      else releaseAll(permits, outcome);
    };
    const waitedMs = permits.reduce((sum, permit) => sum + permit.waitedMs, 0);
    super(permits[0]?.weight ?? 1, onRelease, undefined, waitedMs);
    this.#permits = permits;
    this.#given = given;
  }

  protected override checkPart(weight: number): void {
    super.checkPart(weight);
    // Each is checked before one is split. The permit of another package may have no parts.
    for (const permit of this.#permits) {
      requireMethods('permit', permit, 'split');
      if (permit.fencingToken !== undefined) {
        throw new TypeError('a permit of a RedisSemaphore cannot be split');
      }
    }
  }

  get fencingToken(): number | undefined {
    return this.#permits.find(({ fencingToken }) => fencingToken !== undefined)?.fencingToken;
  }

  /** Listens only to signals that the permits made: those end with the permits, and each follows the given one. */
  override get signal(): AbortSignal {
    if (this.#any !== undefined) return this.#any;
    const made = this.#permits.map(({ signal }) => signal).filter((signal) => signal !== this.#given);
    if (made.length < 2) return made[0] ?? this.#given ?? super.signal;
    this.#any = anySignal(made);
    return this.#any;
  }

  /** Ends with the shortest hold limit. */
  get [HOLD_LIMIT](): HoldTimeout | undefined {
    return firstOf(this.#permits.flatMap((permit) => holdLimitOf(permit) ?? []));
  }
}

/**
 * Makes the release of `permit` call what `change` makes of its `OnRelease`. Returns `permit`, or one in its place: for the
 * permit of another package, of another copy of this one, or with a `release` that its limiter replaced.
 */
export function withRelease(permit: Permit, change: (onRelease: OnRelease) => OnRelease): Permit {
  if (HeldPermit.changeRelease(permit, change)) return permit;
  const wrapped = new WrappedPermit([permit]);
  HeldPermit.changeRelease(wrapped, change);
  return wrapped;
}

/** Releases each permit, the last one first, also if another throws. */
export function releaseAll(permits: readonly Permit[], outcome: Outcome): void {
  let thrown: (() => never) | undefined;
  for (const permit of [...permits].reverse()) {
    try {
      permit.release(outcome);
    } catch (error) {
      thrown ??= () => {
        throw error;
      };
    }
  }
  thrown?.();
}
