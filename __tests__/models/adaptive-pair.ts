import { AdaptiveSemaphore } from 'express-semaphore/adaptive';
import type { LimitAlgorithm } from 'express-semaphore/adaptive';
import { FakeClock } from 'express-semaphore/testing';
import type { Call } from './call';
import { SemaphorePair } from './semaphore-pair';
import type { SemaphoreSetup } from './semaphore-pair';

/** A semaphore whose limit follows the outcomes. Its model is resized by the same rule. */
export class AdaptivePair extends SemaphorePair {
  readonly #rule: LimitAlgorithm;

  constructor(setup: SemaphoreSetup) {
    const clock = new FakeClock();
    const { permits, queueLimit, maxWaitMs, order } = setup;
    const algorithm = moveByOutcome(permits);
    super(setup, new AdaptiveSemaphore({ queueLimit, maxWaitMs, order, clock, algorithm }), clock);
    this.#rule = moveByOutcome(permits);
  }

  /** Nobody resizes it from outside. */
  override resize(): void {
    return;
  }

  /** The new limit holds before the permit is handed on. */
  override release(call: Call): void {
    const { outcome = 'success' } = call;
    this.model.resize(this.#rule.next({ startedMs: 0, busyMs: 0, endedMs: 0, inFlight: 0, outcome }));
    super.release(call);
  }
}

/** One more with each success, half as many with each overload. */
function moveByOutcome(initial: number): LimitAlgorithm {
  let permits = initial;
  return {
    initial,
    next({ outcome }) {
      if (outcome === 'overload') permits = Math.ceil(permits / 2);
      if (outcome === 'success') permits = Math.min(permits + 1, 6);
      return permits;
    },
  };
}
