import { AdaptiveSemaphore, aimd, gradient, Semaphore, vegas } from 'express-semaphore';
import type { Algorithm, Order } from 'express-semaphore';
import { ORACLE } from './phases.js';
import type { MakeLimiter } from './simulate.js';

/** Longest wait in line, where there is one, in milliseconds. */
const MAX_WAIT_MS = 100;

/** Every way to limit that is tried. */
export const CONTENDERS: Readonly<Record<string, MakeLimiter>> = {
  none: () => undefined,
  'fixed, endless fifo': (clock) => new Semaphore(ORACLE, { clock }),
  'fixed, expected wait': fixed('fifo'),
  lifo: (clock) => new Semaphore(ORACLE, { queueLimit: 100, order: 'lifo', clock }),
  'adaptive-lifo': fixed('adaptive-lifo'),
  priority: fixed('priority'),
  fair: fixed('fair'),
  aimd: adaptive(() => aimd({ timeoutMs: 100 })),
  vegas: adaptive((random) => vegas({ random })),
  gradient: adaptive((random) => gradient({ random })),
};

/** What no criterion may let pass. */
export const IMPOSTORS: Readonly<Record<string, MakeLimiter>> = {
  frozen: adaptive(() => stuckAt(ORACLE)),
  'always the least': adaptive(() => stuckAt(3)),
  'always the most': adaptive(() => stuckAt(1_000)),
};

function fixed(order: Order): MakeLimiter {
  return (clock) => new Semaphore(ORACLE, { maxWaitMs: MAX_WAIT_MS, order, clock });
}

function adaptive(makeAlgorithm: (random: () => number) => Algorithm): MakeLimiter {
  return (clock, random, gauge) =>
    new AdaptiveSemaphore({
      algorithm: makeAlgorithm(() => random.next()),
      maxWaitMs: MAX_WAIT_MS,
      clock,
      gauge,
    });
}

function stuckAt(permits: number): Algorithm {
  return { initial: permits, next: () => permits };
}
