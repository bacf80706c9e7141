import type { Clock } from './clock.js';
import type { TakeBack } from './permit.js';
import { warnOnce } from './warn.js';

/** Watches one permit: warns if `takeBack` has not been called after `warnHeldMs`, with where it was acquired. */
export function watchHold(takeBack: TakeBack, warnHeldMs: number, clock: Clock, acquired: Error): TakeBack {
  const warnNow = () => {
    warnOnce('WARN_SEMAPHORE_HELD_LONG', `a permit is held for more than ${warnHeldMs} ms`, acquired.stack);
  };
  const timer = clock.setTimer(warnNow, warnHeldMs, true);
  return (weight, outcome) => {
    clock.clearTimer(timer);
    takeBack(weight, outcome);
  };
}
