import { Durations } from '../../lib/core/durations';

it('reports percentiles to within 7 %, and the exact maximum', () => {
  const durations = new Durations();
  for (let ms = 1; ms <= 1_000; ms++) durations.record(ms, 0);
  const stats = durations.snapshot(0);
  expect(stats).toMatchObject({ count: 1_000, maxMs: 1_000 });
  for (const [told, truth] of [
    [stats.p50Ms, 500],
    [stats.p90Ms, 900],
    [stats.p99Ms, 990],
  ] as const) {
    expect(told).toBeGreaterThanOrEqual(truth);
    expect(told).toBeLessThanOrEqual(truth * 1.07);
  }
  expect(Object.isFrozen(stats)).toBe(true);
});

it('is all nothing before there is anything', () => {
  expect(new Durations().snapshot(0)).toEqual({ count: 0, p50Ms: 0, p90Ms: 0, p99Ms: 0, maxMs: 0 });
});

it('takes a moment and an age as they come', () => {
  const durations = new Durations();
  durations.record(0, 0);
  durations.record(1e12, 0);
  expect(durations.snapshot(0)).toMatchObject({ count: 2, maxMs: 1e12 });
});

it('remembers for 10 to 20 seconds', () => {
  const durations = new Durations();
  const counts = [0, 5_000, 10_000, 19_999, 20_000, 30_000, 49_999].map((now) => {
    durations.record(now + 1, now);
    return durations.snapshot(now).count;
  });
  expect(counts).toEqual([1, 2, 3, 4, 3, 2, 2]);
  expect(durations.snapshot(69_999).count).toBe(0);
  durations.record(1, 80_000);
  expect(durations.snapshot(100_000).count).toBe(0);
});

it('forgets the longest along with the rest', () => {
  const durations = new Durations();
  durations.record(900, 0);
  durations.record(5, 10_000);
  expect(durations.snapshot(10_000).maxMs).toBe(900);
  expect(durations.snapshot(20_000).maxMs).toBe(5);
});
