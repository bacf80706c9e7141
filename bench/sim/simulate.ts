import type { Limiter, Permit } from 'express-semaphore';
import type { EventLoopLoad } from 'express-semaphore/adaptive';
import type { Phase } from './phases.js';
import { CAPACITY } from './phases.js';
import { Random } from './random.js';
import { Service } from './service.js';
import { SimClock } from './sim-clock.js';

/** Makes what is to be tried; `undefined` where nothing limits. */
export type MakeLimiter = (clock: SimClock, random: Random, gauge: EventLoopLoad) => Limiter | undefined;

/** What became of the requests that came in one phase, or in one second of it. */
export class Account {
  offered = 0;
  /** Answered before the client's deadline. */
  good = 0;
  refused = 0;
  /** The client left before it was answered. */
  late = 0;
  failed = 0;
  /** How long those served in time took. */
  readonly latencies: number[] = [];
  /** Those from users who send little, and how many of them were served in time. */
  light = { offered: 0, good: 0 };
  /** Those of high priority, and how many of them were served in time. */
  high = { offered: 0, good: 0 };
  /** The limit at the end. */
  permits: number | undefined = undefined;

  percentile(share: number): number {
    const sorted = this.latencies.toSorted((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
  }
}

/** One phase as it went. */
export interface PhaseResult {
  readonly phase: Phase;
  readonly total: Account;
  /** Second by second. */
  readonly seconds: readonly Account[];
}

/** Requests of high priority, and those of users who send little. */
const HIGH_SHARE = 0.1;
const LIGHT_SHARE = 0.1;
const LIGHT_USERS = 10;

/** Lets requests come, independent of one another and of how they fare, through all phases. */
export async function simulate(
  makeLimiter: MakeLimiter,
  phases: readonly Phase[],
  seed = 1,
): Promise<PhaseResult[]> {
  const clock = new SimClock();
  const random = new Random(seed);
  const service = new Service(clock, random);
  const limiter = makeLimiter(clock, random, service);
  const results: PhaseResult[] = [];
  for (const phase of phases) {
    service.dependency = phase.dependency;
    service.slowdown = phase.slowdown ?? 1;
    const start = clock.now();
    const total = new Account();
    const seconds: Account[] = [];
    scheduleArrivals(phase, start + phase.seconds * 1_000, total, seconds);
    for (let second = 1; second <= phase.seconds; second++) {
      seconds.push(new Account());
      await clock.runUntil(start + second * 1_000);
      for (const account of [total, seconds.at(-1)]) {
        if (account !== undefined) account.permits = limiter?.stats().permits;
      }
    }
    results.push({ phase, total, seconds });
  }
  return results;

  function scheduleArrivals(phase: Phase, end: number, total: Account, seconds: Account[]): void {
    const gap = random.exponential(1_000 / (phase.load * CAPACITY));
    if (clock.now() + gap >= end) return;
    clock.setTimer(() => {
      arrive(phase, [total, seconds.at(-1) ?? total]);
      scheduleArrivals(phase, end, total, seconds);
    }, gap);
  }

  function arrive(phase: Phase, accounts: Account[]): void {
    const since = clock.now();
    const isHigh = random.next() < HIGH_SHARE;
    const isLight = random.next() < LIGHT_SHARE;
    const flow = isLight ? `light ${random.integer(1, LIGHT_USERS)}` : 'heavy';
    const client = new AbortController();
    let permit: Permit | undefined;
    let isOver = false;

    for (const account of accounts) {
      account.offered++;
      if (isHigh) account.high.offered++;
      if (isLight) account.light.offered++;
    }
    const deadline = clock.setTimer(() => {
      end('late');
      client.abort(LEFT);
      permit?.release('overload');
    }, phase.deadlineMs);

    service.read(() => {
      if (isOver) return;
      if (limiter === undefined) serve();
      else {
        limiter.acquire({ signal: client.signal, priority: isHigh ? 10 : 0, flow }).then((granted) => {
          permit = granted;
          serve();
        }, refuse);
      }
    });

    function serve(): void {
      service.handle((isSuccess) => {
        end(isSuccess ? 'good' : 'failed');
        permit?.release(isSuccess ? 'success' : 'overload');
      });
    }

    function refuse(): void {
      end('refused');
    }

    function end(how: 'good' | 'refused' | 'late' | 'failed'): void {
      if (isOver) return;
      isOver = true;
      clock.clearTimer(deadline);
      for (const account of accounts) {
        account[how]++;
        if (how !== 'good') continue;
        account.latencies.push(clock.now() - since);
        if (isHigh) account.high.good++;
        if (isLight) account.light.good++;
      }
    }
  }
}

const LEFT = new Error('the client has left');
