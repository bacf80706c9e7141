import { TOP_PRIORITY } from '../queue/priority.js';
import type { Tally } from './tally.js';
import { describe, requireInteger, requireString } from './validate.js';

/**
 * Throws unless a limiter can be asked for this. What is not given, or is the default, needs no look; `before` and `after`
 * surround the names in messages.
 */
export function requireAsk(weight: unknown, priority: unknown, flow: unknown, before = '', after = ''): void {
  if (weight !== 1 && weight !== undefined) requireInteger(`${before}weight${after}`, weight, 1);
  if (priority !== 0 && priority !== undefined) {
    requireInteger(`${before}priority${after}`, priority, -TOP_PRIORITY, TOP_PRIORITY);
  }
  if (flow !== '' && flow !== undefined) requireString(`${before}flow${after}`, flow);
}

/** Throws unless `signal` is one, and throws the reason of one that has aborted, which it enters in the books. */
export function requireLive(signal: AbortSignal, tally: Tally): void {
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- plain JavaScript may pass anything
  if (typeof signal?.aborted !== 'boolean') {
    throw new TypeError(`signal must be an AbortSignal, got ${describe(signal)}`);
  }
  if (!signal.aborted) return;
  tally.abort();
  throw signal.reason;
}
