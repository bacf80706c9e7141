import { CLOCK_CHECK, systemClock } from '../internal/clock.js';
import type { Clock } from '../internal/clock.js';
import { readOptions, unchecked } from '../internal/options.js';
import type { OptionChecks } from '../internal/options.js';
import type { Order } from '../orders/index.js';
import { requireDuration, requireIntegerOrInfinity } from '../internal/validate.js';

/** Options of a `Semaphore`. */
export interface SemaphoreOptions {
  /** Name in `stats()`, events and metrics. */
  readonly name?: string | undefined;

  /** Maximum number of queued callers. Further callers are rejected with `QueueFullError`. @defaultValue `Infinity` */
  readonly queueLimit?: number | undefined;

  /** Maximum wait of a call that gives none, in milliseconds. @defaultValue `Infinity` */
  readonly maxWaitMs?: number | undefined;

  /** Order in which waiters are served. @defaultValue `'fifo'` */
  readonly order?: Order | undefined;

  /**
   * Warns once a process when a permit is held longer than this, in milliseconds. The warning has the stack of its
   * `acquire`. It costs a stack and a timer for each permit, so use it to find a leak. @defaultValue `Infinity`
   */
  readonly warnHeldMs?: number | undefined;

  /**
   * Maximum time that a permit is held, in milliseconds. Then its `signal` aborts with a `HoldTimeoutError`, and `limit`
   * ends the response and releases the permit. A permit of `acquire` or `limitHandler` stays held while its work goes on.
   * It costs a timer for each permit. @defaultValue `Infinity`
   */
  readonly maxHoldMs?: number | undefined;

  /** Source of time, for tests and simulations. @defaultValue the platform's monotonic clock */
  readonly clock?: Clock | undefined;
}

/** Checks of these options. The order and the name are checked by the code that they are meant for. */
export const SEMAPHORE_CHECKS: OptionChecks<SemaphoreOptions> = {
  name: unchecked,
  queueLimit: requireIntegerOrInfinity,
  maxWaitMs: requireDuration,
  order: unchecked,
  warnHeldMs: requireDuration,
  maxHoldMs: requireDuration,
  clock: CLOCK_CHECK,
};

/** The options with defaults. */
export function readSemaphoreOptions(options: SemaphoreOptions) {
  const {
    name,
    queueLimit = Infinity,
    maxWaitMs = Infinity,
    order = 'fifo',
    warnHeldMs = Infinity,
    maxHoldMs = Infinity,
    clock = systemClock,
  } = readOptions('Semaphore', options, SEMAPHORE_CHECKS);
  return { name, queueLimit, maxWaitMs, order, warnHeldMs, maxHoldMs, clock };
}
