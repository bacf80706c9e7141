import { removeAbortListener, addAbortListener } from '../internal/abort-listeners.js';
import type { AbortListener } from '../internal/abort-listeners.js';
import type { Permit } from '../core/limiter.js';
import { HeldPermit } from '../core/permit.js';
import type { OnRelease } from '../core/permit.js';
import type { LeaseLostError } from '../errors.js';

/** A permit that ends unless it is renewed. */
export interface LeasedPermit extends Permit {
  /**
   * A number that only grows from one grant of a limit to the next. Whoever is written to can refuse a number below
   * one it has seen, and so be safe from a holder that has lost its lease and does not know it yet. 0 for a permit
   * that was granted without Redis.
   */
  readonly fencingToken: number;
}

/** A member of the holders, as this node knows it. Times are those of this process's monotonic clock. */
export class Lease {
  readonly seq: string;
  readonly weight: number;
  fencingToken: number;
  /** When it must be taken for lost; `Infinity` for one that Redis does not know of. */
  deadline = Infinity;
  /** When it is to be renewed. */
  renewAt = Infinity;
  /** Whether Redis has been told of it: an ask that got no answer counts. */
  isSent: boolean;
  /** Whether it stands in Redis's books, as far as is known; one that does not is put in instead of renewed. */
  isBooked: boolean;
  lost: LeaseLostError | undefined;
  /** Who wants to hear of the loss. */
  onLost: ((error: LeaseLostError) => void) | undefined;

  /** `fence` is 0 for one that Redis has not granted. */
  constructor(seq: string, weight: number, fence: number, isSent: boolean) {
    this.seq = seq;
    this.weight = weight;
    this.fencingToken = fence;
    this.isSent = isSent;
    this.isBooked = fence > 0;
  }

  lose(error: LeaseLostError): void {
    this.lost = error;
    this.onLost?.(error);
  }
}

/** A lease as its holder sees it: the signal aborts when the lease is lost, or with the signal given to `acquire`. */
export class LeasePermit extends HeldPermit implements LeasedPermit, AbortListener {
  readonly fencingToken: number;
  readonly #lease: Lease;
  readonly #given: AbortSignal | undefined;
  readonly #lookAt: (lease: Lease) => void;
  #controller: AbortController | undefined;

  /** `lookAt` is called before the signal is, to see if its lease has just run out. */
  constructor(
    lease: Lease,
    takeBack: OnRelease,
    lookAt: (lease: Lease) => void,
    given: AbortSignal | undefined,
  ) {
    super(lease.weight, (weight, outcome) => {
      this.#unwatch();
      takeBack(weight, outcome);
    });
    this.fencingToken = lease.fencingToken;
    this.#lease = lease;
    this.#given = given;
    this.#lookAt = lookAt;
  }

  override get signal(): AbortSignal {
    this.#lookAt(this.#lease);
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
      if (this.#given !== undefined) addAbortListener(this.#given, this);
    }
    return controller;
  }

  #unwatch(): void {
    this.#lease.onLost = undefined;
    if (this.#controller !== undefined && this.#given !== undefined) removeAbortListener(this.#given, this);
  }
}
