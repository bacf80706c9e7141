import { ReleaseRate } from '../../lib/core/release-rate';

/** One that somebody waits at since 0. */
function begun(): ReleaseRate {
  const rate = new ReleaseRate();
  rate.begin(0);
  return rate;
}

describe('the release rate', () => {
  it('is unknown until as many have been served as there are permits, or no time has passed', () => {
    const rate = begun();
    rate.served = 2;
    expect(rate.perMs(0, 2)).toBeUndefined();
    expect(rate.perMs(100, 3)).toBeUndefined();
    rate.served = 3;
    expect(rate.perMs(100, 3)).toBe(3 / 100);
  });

  it('counts only the time in which somebody waits', () => {
    const rate = begun();
    rate.served = 4;
    rate.end(100);
    expect(rate.perMs(400, 4)).toBe(4 / 100);
    rate.begin(500);
    rate.served = 6;
    expect(rate.perMs(600, 4)).toBe(6 / 200);
  });

  it('is that of this window and the one before, and a window lasts half a second at least', () => {
    const rate = begun();
    rate.served = 10;
    expect(rate.perMs(499, 10)).toBe(10 / 499);
    expect(rate.perMs(500, 10)).toBe(10 / 500);
    rate.served = 15;
    expect(rate.perMs(750, 10)).toBe(15 / 750);
    rate.served = 30;
    expect(rate.perMs(999, 10)).toBe(30 / 999);
    expect(rate.perMs(1_000, 10)).toBe(20 / 500);
  });

  it('looks at a window until as many were served as there are permits, so that it sees no step', () => {
    const rate = begun();
    rate.served = 9;
    expect(rate.perMs(600, 10)).toBeUndefined();
    rate.served = 10;
    expect(rate.perMs(1_000, 10)).toBe(10 / 1_000);
    rate.served = 30;
    expect(rate.perMs(1_500, 10)).toBe(20 / 500);
  });

  it('ends a window for a stall of three times the last full one, and forgets that two windows later', () => {
    const rate = begun();
    rate.served = 10;
    rate.perMs(500, 10);
    expect(rate.perMs(1_999, 10)).toBe(10 / 1_999);
    expect(rate.perMs(2_000, 10)).toBe(0);
    rate.served = 20;
    expect(rate.perMs(2_400, 10)).toBe(10 / 1_900);
    rate.served = 30;
    expect(rate.perMs(2_500, 10)).toBe(20 / 500);
    // The stall was no full window: three times 500 ms end one again.
    expect(rate.perMs(4_000, 10)).toBe(0);
  });

  it('is unknown again when nobody has waited for more than a second', () => {
    const rate = begun();
    rate.served = 10;
    rate.perMs(500, 10);
    rate.end(500);
    rate.begin(1_500);
    expect(rate.perMs(1_600, 10)).toBe(10 / 600);
    rate.end(1_600);
    rate.begin(2_601);
    expect(rate.perMs(2_700, 10)).toBeUndefined();
    // Nor does it know any more how long a window was.
    rate.served = 19;
    expect(rate.perMs(9_000, 10)).toBeUndefined();
    rate.served = 20;
    expect(rate.perMs(9_000, 10)).toBe(10 / 6_399);
  });

  it('is forgotten though somebody asks for it all the time', () => {
    const rate = begun();
    rate.served = 10;
    rate.end(500);
    for (let now = 600; now <= 2_000; now += 100) expect(rate.perMs(now, 10)).toBe(10 / 500);
    rate.begin(2_000);
    expect(rate.perMs(2_000, 10)).toBeUndefined();
  });
});
