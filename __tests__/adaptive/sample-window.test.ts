import type { Outcome } from 'express-semaphore';
import { isOverload, SampleWindow } from '../../lib/adaptive/sample-window';
import type { WindowSummary } from '../../lib/adaptive/sample-window';

/** Adds one sample for each pair of times, and returns the summary of the last one. */
function fill(
  window: SampleWindow,
  samples: readonly (readonly [number, number, Outcome?])[],
): WindowSummary | undefined {
  let summary: WindowSummary | undefined;
  for (const [startedMs, endedMs, outcome = 'success'] of samples) {
    summary = window.add({ startedMs, endedMs, outcome, busyMs: endedMs / 2, inFlight: 1 }, 10);
  }
  return summary;
}

const samples = (count: number, startedMs: number, endedMs: number, outcome: Outcome = 'success') =>
  Array.from({ length: count }, () => [startedMs, endedMs, outcome] as const);

describe('a window of samples', () => {
  it('is complete after ten samples and 100 ms', () => {
    expect(fill(new SampleWindow(), samples(9, 0, 100))).toBeUndefined();
    expect(fill(new SampleWindow(), samples(20, 0, 99))).toBeUndefined();
    expect(fill(new SampleWindow(), samples(10, 0, 100))).toMatchObject({ medianMs: 100 });
  });

  it('leaves failures out of the median', () => {
    const summary = fill(new SampleWindow(), [...samples(6, 99, 100, 'overload'), ...samples(4, 80, 100)]);
    expect(summary).toBeUndefined();
    const window = new SampleWindow();
    const full = fill(window, [
      ...samples(1, 0, 1),
      ...samples(6, 99, 100, 'overload'),
      ...samples(3, 80, 100),
    ]);
    expect(full).toMatchObject({ medianMs: 20, overloadShare: 0.6 });
  });

  it('counts a tenth of failures as overload', () => {
    const one = fill(new SampleWindow(), [...samples(1, 0, 100, 'overload'), ...samples(9, 0, 100)]);
    expect(one !== undefined && isOverload(one)).toBe(true);
    const none = fill(new SampleWindow(11), [...samples(1, 0, 100, 'overload'), ...samples(10, 0, 100)]);
    expect(none !== undefined && isOverload(none)).toBe(false);
  });

  it('knows the median and the skew of many samples', () => {
    const COUNT = 100_000;
    const summary = fill(
      new SampleWindow(),
      Array.from({ length: COUNT }, (_, index) => [0, (100 * (index + 1)) / COUNT] as const),
    );
    expect(summary?.medianMs).toBeCloseTo(50, 0);
    // Of the times 0 to 100, the mean is the median.
    expect(summary?.skewMs).toBeCloseTo(0, 0);
  });

  it('leaves permits that were granted before it opened out of the median, and counts them in the skew', () => {
    const window = new SampleWindow();
    fill(window, samples(10, 0, 100));
    const summary = fill(window, [...samples(5, 50, 650), ...samples(10, 645, 655)]);
    expect(summary).toMatchObject({ medianMs: 10 });
    expect(summary?.skewMs).toBeCloseTo((5 * 600 + 10 * 10) / 15 - 10);
  });

  it('does not count the time of a permit that was ignored at once', () => {
    const summary = fill(new SampleWindow(), [
      ...samples(1, 0, 50),
      ...samples(10, 95, 99, 'ignore'),
      ...samples(9, 0, 100),
    ]);
    expect(summary).toMatchObject({ medianMs: 100, ignoredShare: 0, isAbandoned: false });
  });

  it('is abandoned when nearly all clients left', () => {
    const short = fill(new SampleWindow(), [...samples(1, 0, 1, 'ignore'), ...samples(9, 95, 100, 'ignore')]);
    expect(short).toMatchObject({ medianMs: undefined, isAbandoned: true });
    const long = fill(new SampleWindow(), samples(10, 0, 100, 'ignore'));
    expect(long).toMatchObject({ medianMs: 100, ignoredShare: 1, isAbandoned: true });
  });

  it('finds the utilization of the later half, if that is more', () => {
    const window = new SampleWindow();
    const busy = (endedMs: number): number => Math.max(0, endedMs - 40);
    let summary: WindowSummary | undefined;
    for (let endedMs = 10; endedMs <= 100; endedMs += 10) {
      summary = window.add({ startedMs: 0, endedMs, outcome: 'success', busyMs: busy(endedMs), inFlight: 1 });
    }
    expect(summary?.utilization).toBe(1);
  });
});
