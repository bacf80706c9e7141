import { Semaphore } from 'express-semaphore';
import { AdaptiveSemaphore, aimd, gradient, vegas } from 'express-semaphore/adaptive';
import type { Order } from 'express-semaphore';
import type { LimitAlgorithm } from 'express-semaphore/adaptive';
import { ORDER_NAMES } from '../../lib/orders/index.js';
import { ORACLE } from './phases.js';
import { envoyGradient, failsafeGo, netflixGradient2 } from './references.js';
import type { MakeLimiter } from './simulate.js';

/** Longest wait in the queue, in milliseconds. */
const MAX_WAIT_MS = 100;

/** The limiters under test. */
export const CONTENDERS: Readonly<Record<string, MakeLimiter>> = {
  none: () => undefined,
  'fixed, endless fifo': (clock) => new Semaphore(ORACLE, { clock }),
  'fixed, expected wait': fixed(ORACLE),
  ...Object.fromEntries(
    ORDER_NAMES.filter((name) => name !== 'fifo').map((name) => [name, fixed(ORACLE, name)]),
  ),
  // A newcomer is the head of this order, so no expected wait bounds the queue.
  lifo: (clock) => new Semaphore(ORACLE, { queueLimit: 100, order: 'lifo', clock }),
  aimd: adaptive((random) => aimd({ random })),
  vegas: adaptive((random) => vegas({ random })),
  gradient: adaptive((random) => gradient({ random })),
};

/** Adaptive limits of other libraries, behind the same queue. */
export const REFERENCES: Readonly<Record<string, MakeLimiter>> = {
  'Netflix Gradient2': adaptive(netflixGradient2),
  'Envoy gradient': adaptive(envoyGradient),
  'failsafe-go': adaptive(failsafeGo),
};

/** Limits that do not adapt. The criteria must find each of them faulty. */
export const IMPOSTORS: Readonly<Record<string, MakeLimiter>> = {
  frozen: adaptive(() => constant(ORACLE)),
  'always the least': adaptive(() => constant(3)),
  'always the most': adaptive(() => constant(1_000)),
};

/** A fixed limit that rejects on arrival each caller that cannot be served within 100 ms. */
export function fixed(permits: number, order: Order = 'fifo'): MakeLimiter {
  return (clock) => new Semaphore(permits, { maxWaitMs: MAX_WAIT_MS, order, clock });
}

function adaptive(makeAlgorithm: (random: () => number) => LimitAlgorithm): MakeLimiter {
  return (clock, random, loop) =>
    new AdaptiveSemaphore({
      algorithm: makeAlgorithm(() => random.next()),
      maxWaitMs: MAX_WAIT_MS,
      clock,
      eventLoopLoad: loop,
    });
}

function constant(permits: number): LimitAlgorithm {
  return { initial: permits, next: () => permits };
}
