import type { AcquireRequest } from '../orders/order-queue.js';
import { TOP_PRIORITY } from '../orders/priority.js';
import type { WaitSignal } from './leave.js';
import type { AcquireOptions, TryAcquireOptions } from './limiter.js';
import type { StatsRecorder } from './stats-recorder.js';
import {
  requireDuration,
  requireFunction,
  requireInteger,
  requireObject,
  requireSignal,
  requireString,
} from '../internal/validate.js';
import { warnOfUnknownOption } from '../internal/warn.js';

/**
 * Throws unless the options of an acquire are valid. Absent and default values are not checked, because this runs for each
 * permit. `before` and `after` surround the names in messages.
 */
export function checkAcquireOptions(
  weight: unknown,
  priority: unknown,
  flow: unknown,
  before = '',
  after = '',
): void {
  if (weight !== 1 && weight !== undefined) requireInteger(`${before}weight${after}`, weight, 1);
  if (priority !== 0 && priority !== undefined) {
    requireInteger(`${before}priority${after}`, priority, -TOP_PRIORITY, TOP_PRIORITY);
  }
  if (flow !== '' && flow !== undefined) requireString(`${before}flow${after}`, flow);
}

/** The request of a call without options. */
export const ONE: AcquireRequest = { weight: 1, priority: 0, flow: '' };

/** Reads the request in the options of an acquire. Throws if it is invalid. */
export function readRequest({ weight = 1, priority = 0, flow = '' }: TryAcquireOptions): AcquireRequest {
  checkAcquireOptions(weight, priority, flow);
  return { weight, priority, flow };
}

/** Throws unless the options of a wait are valid. */
export function checkWaitOptions(
  maxWaitMs: unknown,
  signal: unknown,
  onQueued?: unknown,
  maxHoldMs?: unknown,
): void {
  if (maxWaitMs !== Infinity && maxWaitMs !== undefined) requireDuration('maxWaitMs', maxWaitMs);
  if (signal !== undefined) requireSignal('signal', signal);
  if (onQueued !== undefined) requireFunction('onQueued', onQueued);
  if (maxHoldMs !== undefined) requireDuration('maxHoldMs', maxHoldMs);
}

/** Throws unless `options` is an object. Warns of each option that `what` does not have. */
export function checkOptionNames(what: string, options: AcquireOptions): void {
  requireObject('options', options);
  // Copies nothing, because it runs for each permit.
  for (const name in options) {
    if (!KNOWN.has(name) && Object.hasOwn(options, name)) warnOfUnknownOption(what, name);
  }
}

const KNOWN: ReadonlySet<string> = new Set<keyof AcquireOptions>([
  'weight',
  'priority',
  'flow',
  'signal',
  'maxWaitMs',
  'onQueued',
  'maxHoldMs',
]);

/** Throws the reason of a signal that has aborted, and counts the abort. */
export function throwIfAborted(signal: WaitSignal, stats: StatsRecorder): void {
  if (!signal.aborted) return;
  stats.abort();
  throw signal.reason;
}
