import type { LimiterFrame } from '../../lib/dashboard/frame';
import { Recorder } from '../../lib/dashboard/recorder';

const START = 1_000_000_000;

it('keeps the highest value of each step of 5 seconds', () => {
  const recorder = new Recorder();
  recorder.add(frameAt(0, { held: 1, waiting: 3 }));
  recorder.add(frameAt(1, { held: 2, waiting: 0, wait: { p50Ms: 1.234, p99Ms: 20 }, holdP50Ms: 7 }));
  expect(recorder.history).toEqual({ at: [], limiters: [] });
  recorder.add(frameAt(5, {}));
  expect(recorder.history).toEqual({
    at: [START + 5_000],
    limiters: [{ name: 'api', samples: [[2, 3, 0, 4, 1.2, 20, 7]] }],
  });
});

it('has the rate of rejections since the frame before', () => {
  const recorder = new Recorder();
  const rejected = (count: number) => ({ rejected: { ERR_SEMAPHORE_QUEUE_FULL: count } });
  recorder.add(frameAt(0, rejected(100)));
  recorder.add(frameAt(2, rejected(110)));
  recorder.add(frameAt(6, rejected(110)));
  // Another limiter has taken the name.
  recorder.add(frameAt(8, rejected(0)));
  recorder.add(frameAt(11, {}));
  const samples = recorder.history.limiters[0]?.samples ?? [];
  expect(samples.map((sample) => sample?.[2])).toEqual([5, 0]);
});

it('has null where a limiter was missing', () => {
  const recorder = new Recorder();
  recorder.add(frameAt(0, {}));
  recorder.add({ at: START + 5_000, limiters: [] });
  recorder.add(frameAt(10, {}));
  const samples = recorder.history.limiters[0]?.samples ?? [];
  expect(samples.map((sample) => sample === null)).toEqual([false, true]);
});

it('keeps 15 minutes and no more', () => {
  const recorder = new Recorder();
  for (let second = 0; second <= 3_600; second += 5) recorder.add(frameAt(second, {}));
  const { at, limiters } = recorder.history;
  expect(at).toHaveLength(181);
  expect((at.at(-1) ?? 0) - (at[0] ?? 0)).toBe(15 * 60_000);
  expect(limiters[0]?.samples).toHaveLength(181);
});

function frameAt(second: number, some: Partial<LimiterFrame>) {
  const limiter = { name: 'api', permits: 4, held: 0, waiting: 0, acquired: 0, released: 0, rejected: {} };
  return { at: START + second * 1_000, limiters: [{ ...limiter, ...some }] };
}
