import { systemClock } from '../internal/clock.js';
import type { Clock } from '../internal/clock.js';
import type { Order } from '../orders/index.js';
import {
  requireDuration,
  requireIntegerOrInfinity,
  requireMethods,
  requireOptions,
} from '../internal/validate.js';
import { warnOfUnknown } from '../internal/warn.js';

/** How a `Semaphore` lets callers wait. */
export interface SemaphoreOptions {
  /** What it is called in `stats()` and in metrics. */
  readonly name?: string | undefined;

  /** Waiters admitted while no permit is free; the next is refused. @defaultValue `Infinity` */
  readonly queueLimit?: number | undefined;

  /** Longest a waiter stands in line, in milliseconds, unless `acquire` says otherwise. @defaultValue `Infinity` */
  readonly maxWaitMs?: number | undefined;

  /** In which order waiters are served. @defaultValue `'fifo'` */
  readonly order?: Order | undefined;

  /**
   * Warns, once a process, when a permit is held for longer, in milliseconds, with the stack of who acquired it. It
   * costs a stack and a timer a permit: for the search of a leak. @defaultValue `Infinity`
   */
  readonly warnHeldMs?: number | undefined;

  /** Where time comes from, for tests and simulations. @defaultValue the platform's monotonic clock */
  readonly clock?: Clock | undefined;
}

/** The options with what is not given filled in. The order and the name are checked by those who use them. */
export function readOptions(options: SemaphoreOptions) {
  requireOptions(options);
  const { name, queueLimit = Infinity, maxWaitMs = Infinity, order = 'fifo', ...watching } = options;
  const { warnHeldMs = Infinity, clock = systemClock, ...unknown } = watching;
  warnOfUnknown('Semaphore', unknown);
  requireIntegerOrInfinity('queueLimit', queueLimit, 0);
  requireDuration('maxWaitMs', maxWaitMs);
  requireDuration('warnHeldMs', warnHeldMs);
  requireMethods('clock', clock, 'now', 'setTimer', 'clearTimer');
  return { name, queueLimit, maxWaitMs, order, warnHeldMs, clock };
}
