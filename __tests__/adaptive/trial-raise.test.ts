import type { WindowSummary } from '../../lib/adaptive/sample-window';
import { TrialRaise } from '../../lib/adaptive/trial-raise';

function summary(part: Partial<WindowSummary>): WindowSummary {
  const none = { endedMs: 0, busyMs: 0, medianMs: 100, skewMs: 0, utilization: 0.5, maxInFlight: 20 };
  return { ...none, overloadShare: 0, ignoredShare: 0, isAbandoned: false, ...part };
}

describe('a trial raise', () => {
  it.each([
    ['slow', 'times stay the same for twice as many', 100, {}],
    ['slow', 'times rise by less than the root of the growth', 140, {}],
    ['queue', 'times rise by more than the root of the growth', 143, {}],
    ['queue', 'most clients leave', 100, { ignoredShare: 0.9 }],
    ['slow', 'some more clients leave, after their wait for a permit', 100, { ignoredShare: 0.6 }],
    ['unknown', 'callers do not use it', 100, { maxInFlight: 24 }],
    ['unknown', 'times fall, since an older queue has ended', 75, {}],
  ] as const)('finds "%s" when %s', (verdict, _case, timeMs, after) => {
    const trial = new TrialRaise(20, 100, summary({}));
    expect(trial.judge(timeMs, summary({ maxInFlight: 40, ...after }))).toBe(verdict);
  });

  it('keeps what callers used, from the limit before to the raised limit', () => {
    const trial = new TrialRaise(20, 100, summary({}));
    expect([10, 27, 90].map((maxInFlight) => trial.keep(summary({ maxInFlight })))).toEqual([20, 27, 40]);
  });
});
