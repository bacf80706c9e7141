import { addAbortListener, removeAbortListener } from '../internal/abort-listeners.js';
import type { AbortListener } from '../internal/abort-listeners.js';
import { HOLD_LIMIT, HoldLimit } from '../core/hold-limit.js';
import type { Lifecycle } from '../core/lifecycle.js';
import type { Permit } from '../core/limiter.js';
import { HeldPermit } from '../core/permit.js';
import type { OnRelease } from '../core/permit.js';
import type { HoldTimeoutError, LeaseLostError } from '../errors.js';
import { systemClock } from '../internal/clock.js';
import type { ListNode } from '../internal/linked-list.js';

/** A permit of a `RedisSemaphore`. It is lost if its lease ends. */
export interface LeasedPermit extends Permit {
  /** Time from `acquire` to the grant, in milliseconds, with the question to Redis. It is 0 without one. */
  readonly waitedMs: number;

  /**
   * A number that grows from grant to grant of one limit. A store that rejects a number below one it has seen is safe
   * from a holder that lost its lease without knowing. It is 0 for a permit that was granted without Redis.
   */
  readonly fencingToken: number;
}

/** The use of a limit by one `RedisSemaphore`. Several objects of one name share the limit's lease manager. */
export class Usage {
  readonly lifecycle: Lifecycle;
  /** Permits held. */
  held = 0;
  /** Queued callers. */
  waiting = 0;

  /** Maximum time that a permit is held, in milliseconds. */
  readonly maxHoldMs: number;

  constructor(lifecycle: Lifecycle, maxHoldMs: number) {
    this.lifecycle = lifecycle;
    this.maxHoldMs = maxHoldMs;
  }
}

/** A permit of this process as the lease manager knows it. Times are on the clock of this process. */
export class Lease implements ListNode<Lease> {
  previous: Lease | undefined;
  next: Lease | undefined;
  readonly seq: string;
  readonly weight: number;
  readonly fencingToken: number;
  /** Time at which the lease counts as lost; `Infinity` for one that Redis does not know. */
  deadline = Infinity;
  /** Time of the next renewal; `Infinity` while a renewal is under way. */
  renewAt = Infinity;
  /** Whether Redis may know of it. A request without an answer counts. */
  isSent: boolean;
  /** Whether Redis has granted or entered it. Otherwise a renewal enters it. */
  isEntered: boolean;
  lost: LeaseLostError | undefined;
  /** Whether this process has it. */
  isPresent = false;
  /** The object whose caller holds it; `undefined` for a prefetched lease. */
  usage: Usage | undefined;
  /** The permit whose caller holds it. */
  permit: LeasePermit | undefined;

  /** `fencingToken` is 0 for a lease that Redis has not granted. */
  constructor(seq: string, weight: number, fencingToken: number, isSent: boolean) {
    this.seq = seq;
    this.weight = weight;
    this.fencingToken = fencingToken;
    this.isSent = isSent;
    this.isEntered = fencingToken > 0;
  }
}

/**
 * A lease in the hands of a caller. The signal aborts when the lease is lost, when the permit is held for `maxHoldMs`, or
 * with the signal of `acquire`.
 */
export class LeasePermit extends HeldPermit implements LeasedPermit, AbortListener {
  readonly fencingToken: number;
  [HOLD_LIMIT]: HoldLimit | undefined = undefined;
  readonly #lease: Lease;
  readonly #given: AbortSignal | undefined;
  readonly #check: (lease: Lease) => void;
  #error: HoldTimeoutError | undefined;
  #controller: AbortController | undefined;

  /** `check` runs before each read of the signal. It sees a lease that has ended although no timer has fired yet. */
  constructor(
    lease: Lease,
    onRelease: OnRelease,
    check: (lease: Lease) => void,
    given: AbortSignal | undefined,
    waitedMs: number,
  ) {
    super(lease.weight, onRelease, undefined, waitedMs);
    this.fencingToken = lease.fencingToken;
    this.#lease = lease;
    this.#given = given;
    this.#check = check;
  }

  override split(): never {
    throw new TypeError('a permit of a RedisSemaphore cannot be split');
  }

  override get signal(): AbortSignal {
    this.#check(this.#lease);
    return (this.#controller ??= this.#makeController()).signal;
  }

  /** Starts the time of `maxHoldMs`, in place of an earlier one. */
  limitHold(maxHoldMs: number, lifecycle: Lifecycle): void {
    this[HOLD_LIMIT]?.end();
    this[HOLD_LIMIT] = new HoldLimit(maxHoldMs, systemClock, undefined, (error) => {
      this.#error = error;
      lifecycle.stats.countLoss('holdTimeout', this.weight, error);
      this.#controller?.abort(error);
    });
  }

  aborted(): void {
    this.#controller?.abort(this.#given?.reason);
  }

  /** Notes that the lease is lost. */
  lost(error: LeaseLostError): void {
    this.#controller?.abort(error);
  }

  /** Notes that the permit is released. */
  end(): void {
    this[HOLD_LIMIT]?.end();
    if (this.#controller !== undefined && this.#given !== undefined) removeAbortListener(this.#given, this);
  }

  #makeController(): AbortController {
    const controller = new AbortController();
    if (this.#given?.aborted === true) controller.abort(this.#given.reason);
    else if (this.#lease.lost !== undefined) controller.abort(this.#lease.lost);
    else if (this.#error !== undefined) controller.abort(this.#error);
    else if (this.#given !== undefined && this.#lease.permit === this) addAbortListener(this.#given, this);
    return controller;
  }
}
