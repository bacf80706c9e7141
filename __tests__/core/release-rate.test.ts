import { ReleaseRate } from '../../lib/core/release-rate';

/** A rate measured while somebody has waited since 0. */
function begun(): ReleaseRate {
  const rate = new ReleaseRate();
  rate.begin(0);
  return rate;
}

describe('the release rate', () => {
  it('is unknown until as many were served as there are permits, at least 8, and time has passed', () => {
    const rate = begun();
    rate.served = 10;
    expect(rate.perMs(0, 10)).toBeUndefined();
    expect(rate.perMs(100, 11)).toBeUndefined();
    expect(rate.perMs(100, 10)).toBe(10 / 100);
    const few = begun();
    few.served = 7;
    expect(few.perMs(100, 1)).toBeUndefined();
    few.served = 8;
    expect(few.perMs(100, 1)).toBe(8 / 100);
  });

  it('counts only the time in which somebody waits', () => {
    const rate = begun();
    rate.served = 8;
    rate.end(100);
    expect(rate.perMs(110, 4)).toBe(8 / 100);
    rate.begin(112);
    rate.served = 12;
    expect(rate.perMs(212, 4)).toBe(12 / 200);
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

  it('is unknown again when nobody has waited for more than a quarter of a holding time', () => {
    const rate = begun();
    rate.served = 10;
    // Ten permits and ten served in 500 ms: each is held for 500 ms.
    rate.perMs(500, 10);
    rate.end(500);
    rate.begin(625);
    expect(rate.perMs(725, 10)).toBe(10 / 600);
    rate.end(725);
    // The rate is now 10 in 600 ms, and a quarter of a holding time is 150 ms.
    rate.begin(876);
    expect(rate.perMs(975, 10)).toBeUndefined();
    // The length of a full window is forgotten, too.
    rate.served = 19;
    expect(rate.perMs(9_000, 10)).toBeUndefined();
    rate.served = 20;
    expect(rate.perMs(9_000, 10)).toBe(10 / 8_124);
  });

  it('is unknown again after a second without waiters, however long permits are held', () => {
    const rate = begun();
    rate.served = 10;
    rate.perMs(20_000, 10);
    rate.end(20_000);
    rate.begin(21_000);
    expect(rate.perMs(21_000, 10)).toBe(10 / 20_000);
    rate.end(21_000);
    rate.begin(22_001);
    expect(rate.perMs(22_001, 10)).toBeUndefined();
  });

  it('is forgotten although it is read all the time', () => {
    const rate = begun();
    rate.served = 10;
    rate.end(500);
    for (let now = 600; now <= 2_000; now += 100) expect(rate.perMs(now, 10)).toBe(10 / 500);
    rate.begin(2_000);
    expect(rate.perMs(2_000, 10)).toBeUndefined();
  });
});
