import { jittered } from '../../lib/http/retry-jitter';

afterEach(() => {
  jest.restoreAllMocks();
});

it.each([
  [undefined, 1_000, 2_000],
  [0, 1_000, 2_000],
  [NaN, 1_000, 2_000],
  [1_000, 1_000, 2_000],
  [1_001, 2_000, 4_000],
  [29_500, 30_000, 60_000],
  [90_000, 30_000, 60_000],
  [Infinity, 30_000, 60_000],
])('spreads %p ms over whole seconds from %i to %i', (ms, least, most) => {
  const random = jest.spyOn(Math, 'random');
  random.mockReturnValue(0);
  expect(jittered(ms)).toBe(least);
  random.mockReturnValue(1 - Number.EPSILON);
  expect(jittered(ms)).toBe(most);
});
