import type { LimiterFrame } from '../../lib/dashboard/frame';
import { duration, perSecond } from '../../lib/dashboard/page/format';
import { follows, judge } from '../../lib/dashboard/page/judge';

describe('what the page says of a limiter', () => {
  it.each([
    ['free', { held: 1 }, 'Free'],
    ['full', { held: 2 }, 'At its limit'],
    ['full', { held: 0, permits: 0 }, 'Paused: the limit is 0'],
    ['queueing', { held: 2, waiting: 1_204 }, '1,204 queued'],
    [
      'rejecting',
      { held: 2, waiting: 3, rejected: { ERR_SEMAPHORE_QUEUE_FULL: 30 } },
      'Rejecting 15/s: the queue is full',
    ],
    ['rejecting', { rejected: { ERR_SEMAPHORE_CLOSED: 1 } }, 'Rejecting 0.5/s: it is closed'],
    ['rejecting', { rejected: { ERR_OF_LATER: 2 } }, 'Rejecting 1/s: ERR_OF_LATER'],
  ] as const)('is %s with %j', (condition, now, text) => {
    expect(judge(frame(now), frame({}), 2)).toMatchObject({ condition, text });
  });

  it('names the reason of most of the latest rejections', () => {
    const before = frame({ rejected: { ERR_SEMAPHORE_QUEUE_FULL: 1_000, ERR_SEMAPHORE_WAIT_TIMEOUT: 5 } });
    const now = frame({ rejected: { ERR_SEMAPHORE_QUEUE_FULL: 1_001, ERR_SEMAPHORE_WAIT_TIMEOUT: 10 } });
    expect(judge(now, before, 2).text).toBe('Rejecting 3/s: no permit came free in time');
  });

  it('says that keys are free while nobody waits', () => {
    const { permits, ...keyed } = frame({ held: 500 });
    expect(permits).toBe(2);
    expect(judge(keyed, keyed, 2).condition).toBe('free');
  });

  it('has no rates at the first frame', () => {
    const first = frame({ acquired: 100, rejected: { ERR_SEMAPHORE_QUEUE_FULL: 7 } });
    expect(judge(first, first, 0)).toMatchObject({ admittedRate: 0, rejectedRate: 0 });
  });
});

it('notices another limiter under the same name', () => {
  const before = frame({ acquired: 5, rejected: { ERR_SEMAPHORE_QUEUE_FULL: 2 } });
  expect(follows(before, before)).toBe(true);
  expect(follows(frame({ acquired: 6, rejected: { ERR_SEMAPHORE_QUEUE_FULL: 2 } }), before)).toBe(true);
  expect(follows(frame({ acquired: 6 }), before)).toBe(false);
  expect(follows(frame({ acquired: 4, rejected: { ERR_SEMAPHORE_QUEUE_FULL: 2 } }), before)).toBe(false);
});

it.each([
  [0, '0 ms'],
  [0.2, '< 1 ms'],
  [12.4, '12 ms'],
  [999, '999 ms'],
  [1_250, '1.3 s'],
])('writes %d ms as %s', (ms, text) => {
  expect(duration(ms)).toBe(text);
});

it.each([
  [0, '0/s'],
  [0.5, '0.5/s'],
  [12.3, '12/s'],
])('writes %d in a second as %s', (rate, text) => {
  expect(perSecond(rate)).toBe(text);
});

function frame(some: Partial<LimiterFrame>): LimiterFrame {
  return { name: 'api', permits: 2, held: 0, waiting: 0, acquired: 0, released: 0, rejected: {}, ...some };
}
