import { aimd, gradient, vegas } from 'express-semaphore/adaptive';
import type { LimitAlgorithm } from 'express-semaphore/adaptive';

/**
 * A closed system that serves one thing a millisecond and takes at least 20 ms for each: with `limit` in it, a time is the
 * greater of the two. Time is a number that the test counts up.
 */
class Load {
  readonly algorithm: LimitAlgorithm;
  limit: number;
  now = 0;
  /** The least limit since this was set. */
  least = Infinity;
  #busyMs = 0;

  constructor(algorithm: LimitAlgorithm) {
    this.algorithm = algorithm;
    this.limit = algorithm.initial;
  }

  /**
   * So many samples, as fast as permits come back. Each takes `ms`, or `eachMs` of what serves one at a time; `busy` is the
   * part of the time in which that is the thread.
   */
  give(count: number, { inFlight = NaN, isOverload = false, ms = NaN, eachMs = 1, busy = 1 } = {}): this {
    for (let sample = 0; sample < count; sample++) {
      const used = Number.isNaN(inFlight) ? Math.floor(this.limit) : inFlight;
      const held = Number.isNaN(ms) ? Math.max(20, used * eachMs) : ms;
      this.now += held / used;
      this.#busyMs += (busy * held) / used;
      this.least = Math.min(this.least, this.limit);
      this.limit = this.algorithm.next({
        startedMs: this.now - held,
        endedMs: this.now,
        busyMs: this.#busyMs,
        inFlight: used,
        isOverload,
      });
    }
    return this;
  }
}

const random = () => 0.5;

describe.each([
  ['gradient', () => gradient({ random })],
  ['vegas', () => vegas({ random })],
] as const)('%s', (_name, make) => {
  it('settles a little above what the work can use, from below and from far above', () => {
    for (const initialPermits of [4, 20, 900]) {
      const load = new Load(initialPermits === 20 ? make() : gradient({ random, initialPermits })).give(
        60_000,
      );
      expect(load.limit).toBeGreaterThan(20);
      expect(load.limit).toBeLessThan(40);
    }
  });

  it('stays within 15 % of where it settled through an hour of steady load, but for its probes', () => {
    const load = new Load(make()).give(50_000);
    const settled = load.limit;
    const limits: number[] = [];
    while (load.now < 3_600_000) limits.push(load.give(100).limit);
    const probing = limits.filter((limit) => limit < settled * 0.5);
    const others = limits.filter((limit) => limit >= settled * 0.5);
    expect(probing.length / limits.length).toBeLessThan(0.01);
    expect(Math.max(...others)).toBeLessThan(settled * 1.15);
    expect(Math.min(...others)).toBeGreaterThan(settled * 0.85);
  });

  it('leaves the limit alone while less than half of it is in use', () => {
    const load = new Load(make()).give(20_000);
    const quiet = { inFlight: Math.floor(load.limit * 0.45), ms: 20 };
    // The window that is open still has some of the busy time.
    const settled = load.give(100, quiet).limit;
    load.give(20_000, quiet);
    expect(load.limit).toBe(settled);
  });

  it('follows work that is slow for few as for many, since fewer would not make it faster', () => {
    const load = new Load(make()).give(20_000);
    for (let step = 0; step < 400; step++) load.give(10, { ms: 200 });
    expect(load.limit).toBeGreaterThan(80);
  });

  it('holds nobody up to find out that work is slow, if the thread is idle', () => {
    const load = new Load(make()).give(20_000);
    const settled = load.limit;
    load.least = Infinity;
    load.give(2_000, { ms: 200, busy: 0.5 });
    expect(load.least).toBe(settled);
    expect(load.limit).toBeGreaterThan(80);
  });

  it('comes down when something else is full, though the thread is idle', () => {
    const load = new Load(make()).give(20_000);
    const settled = load.limit;
    load.give(20_000, { eachMs: 5, busy: 0.5 });
    expect(load.limit).toBeLessThan(settled / 2);
  });

  it('never raises the limit to find out why a busy thread is slow', () => {
    const load = new Load(make()).give(20_000);
    const settled = load.limit;
    const limits = Array.from({ length: 4_000 }, () => load.give(1, { eachMs: 5 }).limit);
    expect(Math.max(...limits)).toBeLessThan(settled * 1.2);
    expect(load.limit).toBeLessThan(settled * 0.8);
  });

  it('gives way to overload in proportion, down to its least', () => {
    const load = new Load(make()).give(20_000);
    const settled = load.limit;
    load.give(400, { isOverload: true });
    expect(load.limit).toBeLessThan(settled * 0.8);
    load.give(20_000, { isOverload: true });
    expect(load.limit).toBe(3);
    load.give(20_000);
    expect(load.limit).toBeGreaterThan(20);
  });

  it('takes a few errors for bugs', () => {
    const load = new Load(make()).give(20_000);
    const settled = load.limit;
    for (let round = 0; round < 500; round++) load.give(1, { isOverload: true }).give(39);
    expect(load.limit).toBeGreaterThan(settled * 0.8);
  });

  it('keeps to its bounds', () => {
    const [few, many] = [gradient({ random, maxPermits: 10 }), gradient({ random, minPermits: 30 })];
    expect(new Load(few).give(10_000).limit).toBeLessThanOrEqual(10);
    expect(new Load(many).give(10_000, { isOverload: true }).limit).toBe(30);
  });
});

describe('aimd', () => {
  it('grows by one a window while in use, and gives up a tenth for overload', () => {
    const load = new Load(aimd({ initialPermits: 20 }));
    while (load.limit === 20) load.give(1, { ms: 20 });
    expect(load.limit).toBe(21);
    while (load.limit === 21) load.give(1, { ms: 20, isOverload: true });
    expect(load.limit).toBeCloseTo(18.9);
  });

  it('takes a median above its timeout for overload, and lets an idle limit be', () => {
    const load = new Load(aimd({ initialPermits: 20, timeoutMs: 100 })).give(1_000, { inFlight: 5, ms: 20 });
    expect(load.limit).toBe(20);
    expect(load.give(1_000, { ms: 101 }).limit).toBeLessThan(20);
  });
});

it.each([
  [() => gradient({ minPermits: 0 }), 'minPermits must be an integer of at least 1, got 0'],
  [() => vegas({ minPermits: 5, maxPermits: 4 }), 'maxPermits must be an integer of at least 5, got 4'],
  [() => aimd({ initialPermits: 2 }), 'initialPermits must be an integer from 3 to 1000, got 2'],
  [() => aimd({ timeoutMs: -1 }), 'timeoutMs must be 0 to 2147483647 milliseconds or Infinity, got -1'],
])('an algorithm refuses bad options: %#', (make, message) => {
  expect(make).toThrow(new RangeError(message));
});
