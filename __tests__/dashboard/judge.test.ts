import type { LimiterFrame } from '../../lib/dashboard/frame';
import { duration, perSecond, timeOfDay, visible } from '../../lib/dashboard/page/format';
import { follows, judge } from '../../lib/dashboard/page/judge';

describe('what the page says of a limiter', () => {
  it.each([
    ['free', { held: 1 }, 'Free'],
    ['full', { held: 2 }, 'At its limit'],
    ['full', { held: 0, permits: 0 }, 'Paused: the limit is 0'],
    ['full', { held: 1, fleet: { held: 2, waiting: 0, nodes: 3 } }, 'At its limit'],
    ['queueing', { held: 2, waiting: 1_204 }, '1,204 queued'],
    ['full', { held: 1, paused: true }, 'Paused'],
    ['queueing', { held: 1, waiting: 3, paused: true }, 'Paused, 3 queued'],
    ['stuck', { held: 2, waiting: 3, stuckMs: 240_000 }, 'Stuck: no permit released for 4 min'],
    [
      'stuck',
      { held: 2, waiting: 3, stuckMs: 240_000, oldestHeldMs: 300_000 },
      'Stuck: no permit released for 4 min, oldest held 5 min',
    ],
    [
      'rejecting',
      { held: 2, waiting: 3, rejected: { ERR_SEMAPHORE_QUEUE_FULL: 30 } },
      'Rejecting 15/s: the queue is full',
    ],
    ['rejecting', { rejected: { ERR_SEMAPHORE_CLOSED: 1 } }, 'Rejecting 0.5/s: the limiter is closed'],
    ['rejecting', { rejected: { ERR_OF_LATER: 2 } }, 'Rejecting 1/s: ERR_OF_LATER'],
  ] as const)('is %s with %j', (condition, now, text) => {
    expect(judge(frame(now), frame({}), 2)).toMatchObject({ condition, text });
  });

  it('names the reason of most of the latest rejections', () => {
    const before = frame({ rejected: { ERR_SEMAPHORE_QUEUE_FULL: 1_000, ERR_SEMAPHORE_WAIT_TIMEOUT: 5 } });
    const now = frame({ rejected: { ERR_SEMAPHORE_QUEUE_FULL: 1_001, ERR_SEMAPHORE_WAIT_TIMEOUT: 10 } });
    expect(judge(now, before, 2).text).toBe('Rejecting 3/s: no permit was free in time');
  });

  it('says that keys are free while nobody waits', () => {
    const { permits, ...keyed } = frame({ held: 500 });
    expect(permits).toBe(2);
    expect(judge(keyed, keyed, 2).condition).toBe('free');
  });

  it.each([
    ['full', [keyOf(2, 0), keyOf(2, 0), keyOf(0, 0)], 'Busiest keys all full'],
    ['free', [keyOf(2, 0), keyOf(1, 0)], 'Free'],
    ['free', [keyOf(0, 0)], 'Free'],
    ['free', [{ ...keyOf(2, 0), permits: undefined as never }], 'Free'],
  ] as const)('is %s with the keys %j', (condition, busiest, text) => {
    const { permits, ...keyed } = frame({ keys: { kept: 3, busy: 2, busiest } });
    expect(permits).toBe(2);
    expect(judge(keyed, keyed, 2)).toMatchObject({ condition, text });
  });

  it('says in the queue of a keyed limiter that its busiest keys are all full', () => {
    const keys = { kept: 1, busy: 1, busiest: [keyOf(2, 5)] };
    const { text, short } = judge(frame({ waiting: 5, keys }), frame({}), 2);
    expect([text, short]).toEqual(['5 queued, busiest keys all full', 'Busiest keys all full']);
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
  [999.7, '1 s'],
  [1_250, '1.3 s'],
  [59_970, '1 min'],
  [240_000, '4 min'],
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

it('writes control characters as escapes', () => {
  expect(visible('a\u202eb\u2066c\n\u200fé😀')).toBe('a\\u202eb\\u2066c\\u000a\\u200fé😀');
  expect(visible('a\u00adb\u3164c\u{e0041}')).toBe('a\\u00adb\\u3164c\\u{e0041}');
});

it('writes the local time of day', () => {
  const noon = new Date(2026, 0, 2, 12, 5, 7).getTime() / 1_000;
  expect([timeOfDay(noon, true), timeOfDay(noon, false)]).toEqual(['12:05:07', '12:05']);
});

function keyOf(held: number, waiting: number) {
  return { key: 'a', permits: 2, held, waiting, rejected: 0 };
}

function frame(some: Partial<LimiterFrame>): LimiterFrame {
  return { name: 'api', permits: 2, held: 0, waiting: 0, acquired: 0, released: 0, rejected: {}, ...some };
}
