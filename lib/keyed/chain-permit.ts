import { firstOf, HOLD_LIMIT, holdLimitOf } from '../core/hold-limit.js';
import type { HoldTimeout } from '../core/hold-limit.js';
import type { Outcome, Permit } from '../core/limiter.js';
import { HeldPermit } from '../core/permit.js';
import { anySignal } from '../internal/abort-listeners.js';

/** The permit of a chain: one permit of each part, in the order of the parts. */
export class ChainPermit extends HeldPermit {
  readonly #permits: readonly Permit[];
  readonly #given: AbortSignal | undefined;
  #any: AbortSignal | undefined;

  /** `given` is the signal that each part got. */
  constructor(permits: readonly Permit[], given?: AbortSignal) {
    const onRelease = (weight: number, outcome: Outcome | undefined) => {
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
    // Before any part of the chain is split.
    if (this.fencingToken !== undefined) throw new TypeError('a permit of a RedisSemaphore cannot be split');
  }

  get fencingToken(): number | undefined {
    return this.#permits.find(({ fencingToken }) => fencingToken !== undefined)?.fencingToken;
  }

  /** Listens only to signals that the parts made: those end with the permits, and each follows the given one. */
  override get signal(): AbortSignal {
    if (this.#any === undefined) {
      const made = this.#permits.map(({ signal }) => signal).filter((signal) => signal !== this.#given);
      this.#any = made.length > 0 || this.#given === undefined ? anySignal(made) : this.#given;
    }
    return this.#any;
  }

  /** Ends with the shortest hold limit of the parts. */
  get [HOLD_LIMIT](): HoldTimeout | undefined {
    return firstOf(this.#permits.flatMap((permit) => holdLimitOf(permit) ?? []));
  }
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
