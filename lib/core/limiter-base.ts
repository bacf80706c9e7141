import type { InspectOptions } from 'node:util';
import { asyncDispose } from '../internal/dispose.js';
import { requireFunction } from '../internal/validate.js';
import type {
  AcquireOptions,
  IdleOptions,
  Limiter,
  LimiterStats,
  Permit,
  Outcome,
  TryAcquireOptions,
} from './limiter.js';
import { STATS } from './stats-recorder.js';
import type { StatsRecorder } from './stats-recorder.js';

/** Method that `util.inspect` and `console.log` call. */
export const INSPECT: unique symbol = Symbol.for('nodejs.util.inspect.custom');

/** Value that `structuredClone` cannot copy. The error shows the description. */
export const UNCLONEABLE: unique symbol = Symbol('a limiter of express-semaphore');

/** The common part of limiters without keys. It has no state of its own. */
export abstract class LimiterBase implements Limiter, AsyncDisposable {
  /** @internal Makes `structuredClone` and `postMessage` throw. They would make an empty object of a limiter. */
  readonly uncloneable = UNCLONEABLE;

  /** @internal */
  abstract get [STATS](): StatsRecorder;

  /** The limit. */
  abstract get permits(): number;

  /** Permits held. */
  abstract get held(): number;

  /** Queued callers. */
  abstract get waiting(): number;

  /** Maximum number of queued callers. */
  abstract get queueLimit(): number;

  /** Maximum wait of a call that gives none, in milliseconds. */
  abstract get maxWaitMs(): number;

  /** Whether `close()` was called. */
  abstract get closed(): boolean;

  abstract acquire(options?: AcquireOptions): Promise<Permit>;
  abstract tryAcquire(options?: TryAcquireOptions): Permit | undefined;
  abstract close(reason?: unknown): void;
  abstract idle(options?: IdleOptions): Promise<void>;
  abstract stats(): LimiterStats;

  /** The name in `stats()`, events and metrics. */
  get name(): string | undefined {
    return this[STATS].name;
  }

  /** Free permits: 0 while it is paused. */
  get available(): number {
    return this.paused ? 0 : Math.max(0, this.permits - this.held);
  }

  /** Whether `pause()` was called and `resume()` was not. */
  // eslint-disable-next-line @typescript-eslint/class-literal-property-style -- subclasses have a getter
  get paused(): boolean {
    return false;
  }

  run<Result>(
    work: (permit: Permit) => Result | PromiseLike<Result>,
    options?: AcquireOptions,
  ): Promise<Result> {
    return runWithPermit(this, work, options);
  }

  /** Closes the limiter and waits until it is idle. `await using` calls it. */
  [asyncDispose](): Promise<void> {
    this.close();
    return this.idle();
  }

  /** @internal */
  [INSPECT](_depth: number, options: InspectOptions, inspect: Inspect): string {
    return inspectLimiter(this, options, inspect);
  }
}

/**
 * Calls `work` with a permit of `limiter` and releases it when the work has settled. Failed work counts as `'ignore'`,
 * because its duration says nothing of the load; work may release with another outcome before.
 */
export async function runWithPermit<Result>(
  limiter: Pick<Limiter, 'acquire'>,
  work: (permit: Permit) => Result | PromiseLike<Result>,
  options?: AcquireOptions,
): Promise<Result> {
  requireFunction('work', work);
  const permit = await limiter.acquire(options);
  let outcome: Outcome = 'ignore';
  try {
    // The signal may have aborted since the grant.
    options?.signal?.throwIfAborted();
    const result = await work(permit);
    outcome = 'success';
    return result;
  } finally {
    permit.release(outcome);
  }
}

/** The text of a limiter for `util.inspect`. */
export function inspectLimiter(limiter: Shown, options: InspectOptions, inspect: Inspect): string {
  const { name, permits, held, waiting } = limiter;
  const shown = { ...(name !== undefined && { name }), permits, held, waiting };
  return `${limiter.constructor.name} ${inspect(shown, options)}`;
}

export type Inspect = (value: unknown, options: InspectOptions) => string;

type Shown = Pick<LimiterBase, 'name' | 'permits' | 'held' | 'waiting'>;
