import type { Clock } from '../internal/clock.js';
import type { OnRelease } from './permit.js';
import { warnOnce } from '../internal/warn.js';

/** Watches one permit: warns if `takeBack` has not been called after `warnHeldMs`, with where it was acquired. */
export function watchHold(takeBack: OnRelease, warnHeldMs: number, clock: Clock, acquired: Error): OnRelease {
  const warnNow = () => {
    warnOnce('WARN_SEMAPHORE_HELD_LONG', `a permit is held for more than ${warnHeldMs} ms`, acquired.stack);
  };
  const timer = clock.setTimer(warnNow, warnHeldMs, true);
  return (weight, outcome) => {
    clock.clearTimer(timer);
    takeBack(weight, outcome);
  };
}
