import type { Limiter, Outcome, Permit } from 'express-semaphore';
import type { EventLoop } from './event-loop.js';
import type { Phase } from './phases.js';
import { CAPACITY } from './phases.js';
import { Random } from './random.js';
import { Backend, Service } from './service.js';
import { SimClock } from './sim-clock.js';

/** Makes the limiter under test; returns `undefined` for no limit. */
export type MakeLimiter = (clock: SimClock, random: Random, loop: EventLoop) => Limiter | undefined;

/** Results of the clients that arrived in one phase, or in one second of it. */
export class Account {
  offered = 0;
  /** Clients that were served before their deadline. */
  good = 0;
  /** Clients whose last try was rejected. */
  rejected = 0;
  /** Clients that left before a response. */
  late = 0;
  failed = 0;
  /** Time to the response of each client in `good`, in milliseconds. */
  readonly latencies: number[] = [];
  /** Clients that send few requests. */
  light = { offered: 0, good: 0 };
  /** Clients of high priority. */
  high = { offered: 0, good: 0 };
  /** The limit at the end. */
  permits: number | undefined = undefined;

  percentile(share: number): number {
    const sorted = this.latencies.toSorted((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
  }
}

/** The results of one phase. */
export interface PhaseResult {
  readonly phase: Phase;
  readonly total: Account;
  /** Results of each second. */
  readonly seconds: readonly Account[];
}

/** Share of requests of high priority. */
const HIGH_SHARE = 0.1;
/** Share of requests of the clients that send few. */
const LIGHT_SHARE = 0.1;
/** Number of clients that send few. */
const LIGHT_CLIENTS = 10;
/** Time from a failed try to the next, in milliseconds. */
const RETRY_MS = 100;

type Result = 'good' | 'rejected' | 'late' | 'failed';

/** One client and what its tries share. */
interface Client {
  readonly priority: number;
  readonly flow: string;
  readonly report: (result: Result, latencyMs: number) => void;
}

/** What a client that leaves does to the permit of its request: `limit` releases it, `limitHandler` holds it. */
export type OnLeave = 'release' | 'hold';

/**
 * Runs all phases. Arrivals are independent of one another and of the results. With several nodes, each has a thread and
 * a limiter of its own, and one dependency serves all.
 */
export async function simulate(
  makeLimiter: MakeLimiter,
  phases: readonly Phase[],
  seed = 1,
  onLeave: OnLeave = 'hold',
  nodeCount = 1,
): Promise<PhaseResult[]> {
  const clock = new SimClock();
  const random = new Random(seed);
  const serviceRandom = new Random(seed + 1);
  const backend = new Backend(clock, serviceRandom);
  const limiterRandom = new Random(seed + 2);
  const nodes = Array.from({ length: nodeCount }, () => {
    const service = new Service(clock, serviceRandom, backend);
    return { service, limiter: makeLimiter(clock, limiterRandom, service.loop) };
  });
  const results: PhaseResult[] = [];
  for (const phase of phases) {
    backend.dependency = phase.dependency;
    for (const { service } of nodes) service.loop.slowdown = phase.slowdown ?? 1;
    const start = clock.now();
    const total = new Account();
    const seconds: Account[] = [];
    scheduleArrivals(phase, start, total, seconds);
    for (let second = 1; second <= phase.seconds; second++) {
      seconds.push(new Account());
      await clock.runUntil(start + second * 1_000);
      for (const account of [total, seconds.at(-1)]) {
        if (account !== undefined) account.permits = nodes[0]?.limiter?.stats().permits;
      }
    }
    results.push({ phase, total, seconds });
  }
  return results;

  function scheduleArrivals(phase: Phase, start: number, total: Account, seconds: Account[]): void {
    const load = typeof phase.load === 'number' ? phase.load : phase.load((clock.now() - start) / 1_000);
    const gap = random.exponential(1_000 / (load * CAPACITY));
    if (clock.now() + gap >= start + phase.seconds * 1_000) return;
    clock.schedule(gap, () => {
      arrive(phase, [total, seconds.at(-1) ?? total]);
      scheduleArrivals(phase, start, total, seconds);
    });
  }

  function arrive(phase: Phase, accounts: Account[]): void {
    const isHigh = random.next() < HIGH_SHARE;
    const isLight = random.next() < LIGHT_SHARE;
    const flow = isLight ? `light ${random.integer(1, LIGHT_CLIENTS)}` : 'heavy';
    for (const account of accounts) {
      account.offered++;
      if (isHigh) account.high.offered++;
      if (isLight) account.light.offered++;
    }
    const report: Client['report'] = (result, latencyMs) => {
      for (const account of accounts) {
        account[result]++;
        if (result !== 'good') continue;
        account.latencies.push(latencyMs);
        if (isHigh) account.high.good++;
        if (isLight) account.light.good++;
      }
    };
    attempt({ priority: isHigh ? 10 : 0, flow, report }, phase, phase.tries ?? 1);
  }

  /** Sends one request. The work of a client that leaves goes on. */
  function attempt(client: Client, phase: Phase, tries: number): void {
    const node = nodes[nodes.length === 1 ? 0 : random.integer(0, nodes.length - 1)];
    if (node === undefined) return;
    const { service, limiter } = node;
    const since = clock.now();
    let leaving: LeaveSignal | undefined;
    let permit: Permit | undefined;
    let isOver = false;
    let hasLeft = false;
    const deadline = clock.schedule(phase.deadlineMs, () => {
      end('late');
      leaving?.abort();
      hasLeft = true;
      if (onLeave === 'release') release('ignore');
    });

    service.read(() => {
      if (isOver) return;
      if (limiter === undefined) serve(false);
      else acquire(limiter);
    });

    function acquire(limiter: Limiter): void {
      const { priority, flow } = client;
      permit = limiter.tryAcquire({ priority, flow });
      if (permit !== undefined) {
        serve(false);
        return;
      }
      leaving = new LeaveSignal();
      clock.settle();
      limiter.acquire({ signal: leaving as unknown as AbortSignal, priority, flow }).then(
        (granted) => {
          permit = granted;
          serve(true);
        },
        () => {
          end('rejected');
        },
      );
    }

    function serve(hasWaited: boolean): void {
      service.serve(hasWaited, (isSuccess) => {
        end(isSuccess ? 'good' : 'failed');
        release(hasLeft ? 'ignore' : isSuccess ? 'success' : 'overload');
      });
    }

    function release(outcome: Outcome): void {
      clock.settle();
      permit?.release(outcome);
    }

    function end(result: Result): void {
      if (isOver) return;
      isOver = true;
      clock.clearTimer(deadline);
      if (result === 'good' || tries === 1) client.report(result, clock.now() - since);
      else {
        clock.schedule(RETRY_MS, () => {
          attempt(client, phase, tries - 1);
        });
      }
    }
  }
}

/** An `AbortSignal` for one listener. The platform's signals would take most of the time of a simulation. */
class LeaveSignal {
  aborted = false;
  readonly reason = LEFT;
  #listener: (() => void) | undefined;

  addEventListener(_type: string, listener: () => void): void {
    this.#listener = listener;
  }

  removeEventListener(): void {
    this.#listener = undefined;
  }

  abort(): void {
    this.aborted = true;
    this.#listener?.call(this);
  }
}

const LEFT = new Error('the client has left');
