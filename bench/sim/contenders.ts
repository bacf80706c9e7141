import { Semaphore } from 'express-semaphore';
import { AdaptiveSemaphore, aimd, gradient, vegas } from 'express-semaphore/adaptive';
import type { Order } from 'express-semaphore';
import type { LimitAlgorithm } from 'express-semaphore/adaptive';
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

function adaptive(makeAlgorithm: (random: () => number) => LimitAlgorithm): MakeLimiter {
  return (clock, random, gauge) =>
    new AdaptiveSemaphore({
      algorithm: makeAlgorithm(() => random.next()),
      maxWaitMs: MAX_WAIT_MS,
      clock,
      eventLoopLoad: gauge,
    });
}

function stuckAt(permits: number): LimitAlgorithm {
  return { initial: permits, next: () => permits };
}
