import { addAbortListener, removeAbortListener } from '../internal/abort-listeners.js';
import type { AbortListener } from '../internal/abort-listeners.js';
import type { Lifecycle } from '../core/lifecycle.js';
import type { Permit } from '../core/limiter.js';
import { HeldPermit } from '../core/permit.js';
import type { OnRelease } from '../core/permit.js';
import type { LeaseLostError } from '../errors.js';
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

/** What one `RedisSemaphore` uses of a limit. Several objects of one name share the limit's lease manager. */
export class Usage {
  readonly lifecycle: Lifecycle;
  /** Permits held. */
  held = 0;
  /** Queued callers. */
  waiting = 0;

  constructor(lifecycle: Lifecycle) {
    this.lifecycle = lifecycle;
  }
}

/** A permit of this process as the lease manager knows it. Times are on the clock of this process. */
export class Lease implements ListNode<Lease> {
  previous: Lease | undefined = undefined;
  next: Lease | undefined = undefined;
  readonly seq: string;
  readonly weight: number;
  readonly fencingToken: number;
  /** When the lease counts as lost; `Infinity` for one that Redis does not know. */
  deadline = Infinity;
  /** When the next renewal is due; `Infinity` while a renewal is under way. */
  renewAt = Infinity;
  /** Whether Redis may know of it. A request without an answer counts. */
  isSent: boolean;
  /** Whether Redis has granted or entered it. Otherwise a renewal enters it. */
  isEntered: boolean;
  lost: LeaseLostError | undefined = undefined;
  /** Whether this process has it. */
  isPresent = false;
  /** The object whose caller holds it; `undefined` for a prefetched lease. */
  usage: Usage | undefined = undefined;
  onLost: ((error: LeaseLostError) => void) | undefined = undefined;
  /** Called before the release of its permit, if anybody has read the permit's signal. */
  onRelease: (() => void) | undefined = undefined;

  /** `fencingToken` is 0 for a lease that Redis has not granted. */
  constructor(seq: string, weight: number, fencingToken: number, isSent: boolean) {
    this.seq = seq;
    this.weight = weight;
    this.fencingToken = fencingToken;
    this.isSent = isSent;
    this.isEntered = fencingToken > 0;
  }
}

/** A lease in the hands of a caller. The signal aborts when the lease is lost, or with the signal of `acquire`. */
export class LeasePermit extends HeldPermit implements LeasedPermit, AbortListener {
  readonly fencingToken: number;
  readonly #lease: Lease;
  readonly #given: AbortSignal | undefined;
  readonly #check: (lease: Lease) => void;
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

  override get signal(): AbortSignal {
    this.#check(this.#lease);
    return (this.#controller ??= this.#makeController()).signal;
  }

  aborted(): void {
    this.#controller?.abort(this.#given?.reason);
  }

  #makeController(): AbortController {
    const controller = new AbortController();
    if (this.#given?.aborted === true) controller.abort(this.#given.reason);
    else if (this.#lease.lost !== undefined) controller.abort(this.#lease.lost);
    else {
      this.#lease.onLost = (error) => {
        controller.abort(error);
      };
      const given = this.#given;
      if (given !== undefined) {
        addAbortListener(given, this);
        this.#lease.onRelease = () => {
          removeAbortListener(given, this);
        };
      }
    }
    return controller;
  }
}
