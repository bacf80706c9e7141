import { addAbortListener, removeAbortListener } from '../internal/abort-listeners.js';
import type { AbortListener } from '../internal/abort-listeners.js';
import type { AcquireOptions } from './limiter.js';

/** Property of acquire options, and the mark of a `Leave`. It is the same symbol in each copy of this package. */
const LEAVE: unique symbol = Symbol.for('express-semaphore.leave');

/**
 * Ends one wait, as an `AbortSignal` does. It makes a signal only for a limiter that reads `signal` of its options, which
 * a `Semaphore` does not.
 */
export class Leave {
  readonly [LEAVE] = true;
  aborted = false;
  reason: unknown;
  /** The waiter. */
  listener: AbortListener | undefined;
  /** The options that it belongs to. A copy of them has the signal instead, or another one. */
  options: AcquireOptions | undefined;
  #controller: AbortController | undefined;

  /** The options of the `acquire` that it ends. */
  optionsFor(request: Omit<AcquireOptions, 'signal'>): AcquireOptions {
    const signalOf = () => (this.#controller ??= this.#makeController()).signal;
    this.options = {
      ...request,
      [LEAVE]: this,
      get signal() {
        return signalOf();
      },
    } as AcquireOptions;
    return this.options;
  }

  abort(reason: unknown): void {
    this.aborted = true;
    this.reason = reason;
    this.listener?.aborted();
    this.#controller?.abort(reason);
  }

  #makeController(): AbortController {
    const controller = new AbortController();
    if (this.aborted) controller.abort(this.reason);
    return controller;
  }
}

/** What ends a wait. A waiter reads nothing else of a signal. */
export type WaitSignal = Pick<AbortSignal, 'aborted' | 'reason'>;

/** The `Leave` of these very options. */
export function leaveOf(options: AcquireOptions): Leave | undefined {
  const leave = (options as { readonly [LEAVE]?: Leave })[LEAVE];
  return leave?.options === options ? leave : undefined;
}

/** A copy of acquire options with another `maxWaitMs`, which ends with the same `Leave`. */
export function withMaxWaitMs(options: AcquireOptions, maxWaitMs: number): AcquireOptions {
  const leave = leaveOf(options);
  if (leave === undefined) return { ...options, maxWaitMs };
  const { weight, priority, flow } = options;
  return leave.optionsFor({ weight, priority, flow, maxWaitMs });
}

/** Calls `listener.aborted()` when the signal aborts. It must not have aborted yet. */
export function listen(signal: WaitSignal, listener: AbortListener): void {
  if (isLeave(signal)) signal.listener = listener;
  else addAbortListener(signal as AbortSignal, listener);
}

/** Removes a listener. */
export function unlisten(signal: WaitSignal, listener: AbortListener): void {
  if (isLeave(signal)) signal.listener = undefined;
  else removeAbortListener(signal as AbortSignal, listener);
}

/** The signal that a permit shows: a `Leave` says nothing after the grant. */
export function shownSignal(signal: WaitSignal | undefined): AbortSignal | undefined {
  return signal === undefined || isLeave(signal) ? undefined : (signal as AbortSignal);
}

function isLeave(signal: WaitSignal): signal is Leave {
  return LEAVE in signal;
}
