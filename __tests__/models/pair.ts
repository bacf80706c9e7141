import { isSemaphoreError } from 'express-semaphore';
import type { AcquireOptions, Limiter, Permit } from 'express-semaphore';
import type { FakeClock } from 'express-semaphore/testing';
import type { Call, End, Signal } from './call';

/** A limiter beside its model. Each step is applied to both. */
export interface Pair {
  readonly clock: FakeClock;
  /** All waiters of the model. */
  readonly waiting: readonly Call[];

  acquire(call: Call): Promise<Permit>;
  tryAcquire(call: Call): Permit | undefined;
  advance(ms: number): void;
  resize(key: string, permits: number): void;
  pause(isPaused: boolean): void;
  clear(): void;
  update(queueLimit: number, maxWaitMs: number): void;
  close(): void;
  idle(): Promise<void>;

  /** Only the model is told: `call`'s permit is back. */
  release(call: Call): void;
  /** Only the model is told: `signal` has aborted. */
  abort(signal: Signal): void;
  /** Calls `listener` when the model is idle. */
  whenIdle(listener: () => void): void;

  /** Throws where the two differ, as far as one can see without letting time pass. */
  compare(): void;
  /** Throws if anything is left, now that all is over. */
  compareAtEnd(): void;
}

export function optionsOf({ weight, priority, flow, maxWaitMs, signal }: Call): AcquireOptions {
  return { weight, priority, flow, maxWaitMs, signal: signal?.controller.signal };
}

/** Calls so far that were rejected for their expected wait. */
export function foreseenBy(limiter: Limiter): number {
  return limiter.stats().rejected.ERR_SEMAPHORE_WAIT_TOO_LONG;
}

/** Those of `waiting` that have a timer. */
export function timersOf(waiting: readonly Call[]): number {
  return waiting.filter(({ deadline }) => deadline !== Infinity).length;
}

/** The one of `waiting` that has to leave first; of several the one that came first. */
export function nextLate(waiting: readonly Call[]): Call | undefined {
  return [...waiting].sort((a, b) => a.deadline - b.deadline || a.id - b.id)[0];
}

/** Calls `take`, which is `tryAcquire`, and records in `call` how it ends. No permit counts as a wait that timed out. */
export function tryTo(call: Call, take: () => Permit | undefined): Permit | undefined {
  try {
    const permit = take();
    call.seen = permit === undefined ? 'ERR_SEMAPHORE_WAIT_TIMEOUT' : 'granted';
    return permit;
  } catch (error) {
    call.seen = endOf(error, call);
    return undefined;
  }
}

/** How a call with this error ends. */
export function endOf(error: unknown, call: Call): End {
  if (call.signal?.controller.signal.aborted === true && error === call.signal.controller.signal.reason)
    return 'abort';
  if (isSemaphoreError(error)) return error.code;
  return error instanceof Error ? error.name : String(error);
}
