import type { Outcome } from 'express-semaphore';
import { aimd, gradient, vegas } from 'express-semaphore/adaptive';
import type { LimitAlgorithm } from 'express-semaphore/adaptive';

/**
 * A closed system that serves one request a millisecond and takes 20 ms at least for each. With `limit` requests in it,
 * the holding time is the greater of the two. The test advances the time.
 */
class Load {
  readonly algorithm: LimitAlgorithm;
  limit: number;
  now = 0;
  /** The smallest limit since the test set this. */
  least = Infinity;
  #busyMs = 0;

  constructor(algorithm: LimitAlgorithm) {
    this.algorithm = algorithm;
    this.limit = algorithm.initial;
  }

  /**
   * Gives `count` samples. Each takes `ms`, or `eachMs` of a dependency that serves one at a time. `busy` is the
   * utilization of the thread.
   */
  give(count: number, options: GiveOptions = {}): this {
    const { inFlight = NaN, outcome = 'success', ms = NaN, eachMs = 1, busy = 1 } = options;
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
        outcome,
      });
    }
    return this;
  }
}

interface GiveOptions {
  readonly inFlight?: number;
  readonly outcome?: Outcome;
  readonly ms?: number;
  readonly eachMs?: number;
  readonly busy?: number;
}

const random = () => 0.5;

describe.each([
  ['gradient', () => gradient({ random })],
  ['vegas', () => vegas({ random })],
  ['aimd', () => aimd({ random })],
] as const)('%s', (_name, make) => {
  it('settles a little above the best limit, from below and from far above', () => {
    for (const initialPermits of [4, 20, 900]) {
      const load = new Load(initialPermits === 20 ? make() : gradient({ random, initialPermits })).give(
        60_000,
      );
      expect(load.limit).toBeGreaterThan(20);
      expect(load.limit).toBeLessThan(40);
    }
  });

  it('stays within 15 % through an hour of steady load, except in probes', () => {
    const load = new Load(make()).give(50_000);
    const settled = load.limit;
    const limits: number[] = [];
    while (load.now < 3_600_000) limits.push(load.give(100).limit);
    const probing = limits.filter((limit) => limit < settled * 0.6);
    const others = limits.filter((limit) => limit >= settled * 0.6);
    expect(probing.length / limits.length).toBeLessThan(0.01);
    expect(Math.max(...others)).toBeLessThan(settled * 1.15);
    expect(Math.min(...others)).toBeGreaterThan(settled * 0.85);
  });

  it('does not change the limit while less than half of it is in use', () => {
    const load = new Load(make()).give(20_000);
    const quiet = { inFlight: Math.floor(load.limit * 0.45), ms: 20 };
    // The window that is open still has some of the busy time.
    const settled = load.give(100, quiet).limit;
    load.give(20_000, quiet);
    expect(load.limit).toBe(settled);
  });

  it('raises the limit when work is slow for few as for many', () => {
    const load = new Load(make()).give(20_000);
    for (let step = 0; step < 400; step++) load.give(10, { ms: 200 });
    expect(load.limit).toBeGreaterThan(80);
  });

  it('never lowers the limit to find out that work is slow while the thread is idle', () => {
    const load = new Load(make()).give(20_000);
    const settled = load.limit;
    load.least = Infinity;
    load.give(2_000, { ms: 200, busy: 0.5 });
    expect(load.least).toBe(settled);
    expect(load.limit).toBeGreaterThan(80);
  });

  it('lowers the limit when a dependency is full and the thread is idle', () => {
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

  it('lowers the limit without a probe when a busy thread gets a backlog', () => {
    const load = new Load(make()).give(20_000);
    const settled = load.limit;
    load.least = Infinity;
    load.give(1_000, { eachMs: 2.5 });
    expect(load.limit).toBeLessThan(settled * 0.6);
    expect(load.least).toBeGreaterThan(7);
  });

  it('lowers the limit without a probe when a trial raise has found a queue', () => {
    const load = new Load(make()).give(20_000);
    const settled = load.limit;
    load.least = Infinity;
    load.give(400, { eachMs: 2.5, busy: 0.5 });
    expect(load.limit).toBeLessThan(settled * 0.7);
    expect(load.least).toBeGreaterThan(7);
  });

  it('undoes a trial raise in which all clients leave', () => {
    const load = new Load(make()).give(20_000);
    const settled = load.limit;
    while (load.limit < settled * 1.5) load.give(1, { eachMs: 2.5, busy: 0.5 });
    while (load.limit > settled * 1.5) load.give(1, { outcome: 'ignore', ms: 250, busy: 0.5 });
    expect(load.limit).toBeCloseTo(settled / 2);
  });

  it('falls after overload in proportion, down to the smallest limit', () => {
    const load = new Load(make()).give(20_000);
    const settled = load.limit;
    load.give(400, { outcome: 'overload' });
    expect(load.limit).toBeLessThan(settled * 0.8);
    load.give(20_000, { outcome: 'overload' });
    expect(load.limit).toBe(3);
    load.give(20_000);
    expect(load.limit).toBeGreaterThan(20);
  });

  it('does not fall for a few errors', () => {
    const load = new Load(make()).give(20_000);
    const settled = load.limit;
    for (let round = 0; round < 500; round++) load.give(1, { outcome: 'overload' }).give(39);
    expect(load.limit).toBeGreaterThan(settled * 0.8);
  });

  it('falls when a fifth of the work is overloaded', () => {
    const load = new Load(make()).give(20_000);
    const settled = load.limit;
    for (let round = 0; round < 200; round++) load.give(1, { outcome: 'overload' }).give(4);
    expect(load.limit).toBeLessThan(settled * 0.7);
  });

  it('does not doubt a baseline before ten baselines have passed', () => {
    const load = new Load(make()).give(10, { ms: 400, busy: 0.5 });
    const measuredMs = load.now;
    let before = load.limit;
    for (let samples = 0; samples < 1_000; samples++) {
      load.give(1, { ms: 1_000, busy: 0.5 });
      if (load.limit > before * 1.5) break;
      before = load.limit;
    }
    expect(load.limit).toBeGreaterThan(before * 1.5);
    expect(load.now - measuredMs).toBeGreaterThan(10 * 400);
  });

  it('recovers when all clients leave before their response', () => {
    const load = new Load(make()).give(20_000);
    load.give(20_000, { outcome: 'ignore', ms: 250 });
    expect(load.limit).toBe(3);
    load.give(20_000);
    expect(load.limit).toBeGreaterThan(20);
  });

  it('keeps its limit through work that is ignored at once', () => {
    const load = new Load(make()).give(15_000);
    const settled = load.limit;
    load.give(20_000, { outcome: 'ignore', ms: 1, busy: 0.5 });
    load.give(2_000);
    expect(load.limit).toBeGreaterThan(settled * 0.8);
  });

  it('does not change the limit for streams that clients end', () => {
    const load = new Load(make()).give(20_000);
    const settled = load.limit;
    load.give(2_000, { outcome: 'ignore', ms: 60_000, busy: 0.1 });
    expect(load.limit).toBe(settled);
  });

  it('does not reject calls of a dependency that is 1.8 times slow', () => {
    const load = new Load(make());
    const second = (ms: number, wanted: number): void => {
      const end = load.now + 1_000;
      while (load.now < end)
        load.give(1, { ms, busy: 0.5, inFlight: Math.min(Math.floor(load.limit), wanted) });
    };
    for (let count = 0; count < 10; count++) second(22, 14);
    for (let count = 0; count < 3; count++) second(39.6, 24);
    const limits = Array.from({ length: 50 }, () => {
      second(39.6, 24);
      return load.limit;
    });
    expect(Math.min(...limits)).toBeGreaterThanOrEqual(24);
  });

  it('does not lower the limit for one slow call in twenty', () => {
    const load = new Load(make());
    for (let round = 0; round < 2_000; round++) {
      load.give(19, { ms: 5, busy: 0.5, inFlight: 28 }).give(1, { ms: 500, busy: 0.5, inFlight: 28 });
    }
    const settled = load.limit;
    for (let round = 0; round < 200; round++) {
      load.give(19, { ms: 8, busy: 0.5, inFlight: 28 }).give(1, { ms: 503, busy: 0.5, inFlight: 28 });
    }
    expect(load.limit).toBeGreaterThanOrEqual(Math.min(28, settled));
  });

  it('measures its baseline when it goes on with a state that has none', () => {
    const load = new Load(make()).give(1_000);
    load.algorithm.state = JSON.parse(JSON.stringify(make().state));
    expect(load.algorithm.state).toMatchObject({ baseline: { ms: Infinity, measuredMs: -Infinity } });
    load.give(1_000);
    expect((load.algorithm.state as { baseline: { ms: number } }).baseline.ms).toBeLessThan(100);
  });

  it('stays within its bounds', () => {
    const [few, many] = [gradient({ random, maxPermits: 10 }), gradient({ random, minPermits: 30 })];
    expect(new Load(few).give(10_000).limit).toBeLessThanOrEqual(10);
    expect(new Load(many).give(10_000, { outcome: 'overload' }).limit).toBe(30);
  });
});

describe('gradient', () => {
  it('multiplies the limit by 1.25 times the ratio of the times, and adds the root of the limit', () => {
    const load = new Load(gradient({ random, initialPermits: 40 }));
    load.give(10, { ms: 20, busy: 0.5 });
    expect(load.limit).toBe(40);
    while (load.limit === 40) load.give(1, { ms: 24, busy: 0.5 });
    expect(load.limit).toBeCloseTo(40 * ((1.25 * 20) / 24) + Math.sqrt(40));
  });
});

describe('vegas', () => {
  it('takes the excess of the queue from the limit at once', () => {
    const load = new Load(vegas({ random, initialPermits: 100 }));
    load.give(10, { ms: 20 });
    expect(load.limit).toBe(100);
    while (load.limit === 100) load.give(1, { ms: 38 });
    const queued = 100 * (1 - 20 / 38);
    expect(load.limit).toBeCloseTo(100 - (queued - 6 * Math.log10(100)));
  });
});

describe('aimd', () => {
  it('adds a permit after short times and takes a tenth after times above 1.5 baselines', () => {
    const load = new Load(aimd({ random, initialPermits: 20 }));
    load.give(10, { ms: 20 });
    while (load.limit === 20) load.give(1, { ms: 20 });
    expect(load.limit).toBe(21);
    while (load.limit === 21) load.give(1, { ms: 31 });
    expect(load.limit).toBeCloseTo(18.9);
  });
});

it.each([
  [() => gradient({ minPermits: 0 }), 'minPermits must be an integer of at least 1, got 0'],
  [() => vegas({ minPermits: 5, maxPermits: 4 }), 'maxPermits must be an integer of at least 5, got 4'],
  [() => aimd({ initialPermits: 2 }), 'initialPermits must be an integer from 3 to 1000, got 2'],
])('an algorithm rejects bad options: %#', (make, message) => {
  expect(make).toThrow(new RangeError(message));
});
