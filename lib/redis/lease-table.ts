import { LinkedList } from '../internal/linked-list.js';
import type { Lease } from './lease.js';
import { rootClock } from './sync/connection.js';
import { memberOf } from './sync/sync-batch.js';
import type { SyncBatch } from './sync/sync-batch.js';
import type { SyncClient } from './sync/sync-client.js';

/** Renewals within the length of a lease. */
const RENEWALS_A_LEASE = 3;
/** Part of its length by which a holder's lease ends earlier than on the server. */
const MARGIN = 0.1;

/**
 * The leases of one limit that this process has. It renews them. One timer serves all of them. It runs only while a lease
 * needs it.
 */
export class LeaseTable {
  /** No `Map`: one dead table of a `Map` can keep its later tables alive, and their leases. */
  readonly #leases = new LinkedList<Lease>();
  readonly #sync: SyncClient;
  readonly #leaseMs: number;
  readonly #end: (lease: Lease) => void;
  #held = 0;
  #timer: unknown;
  #timerDue = Infinity;

  /** `end` is called when a lease has ended without a renewal. */
  constructor(sync: SyncClient, leaseMs: number, end: (lease: Lease) => void) {
    this.#sync = sync;
    this.#leaseMs = leaseMs;
    this.#end = end;
  }

  /** Sum of the weights. */
  get held(): number {
    return this.#held;
  }

  get size(): number {
    return this.#leases.size;
  }

  /** All leases of now. */
  values(): Lease[] {
    return [...this.#leases];
  }

  /** Adds a lease. One that is present stays. */
  add(lease: Lease): void {
    if (lease.isPresent) return;
    lease.isPresent = true;
    this.#leases.push(lease);
    this.#held += lease.weight;
  }

  /** Removes a lease that was released or lost. */
  delete(lease: Lease): void {
    if (!lease.isPresent) return;
    lease.isPresent = false;
    this.#leases.remove(lease);
    this.#held -= lease.weight;
  }

  /** Notes that Redis keeps `lease` for at least its whole length from `since` on. */
  extend(lease: Lease, since: number): void {
    lease.deadline = since + this.#leaseMs * (1 - MARGIN);
    lease.renewAt = since + this.#leaseMs / RENEWALS_A_LEASE;
    this.#arm(lease.renewAt);
  }

  /** Notes that Redis has the lease from `since` on. One that this process no longer has is withdrawn. */
  confirm(lease: Lease, since: number): void {
    lease.isEntered = true;
    if (lease.isPresent) this.extend(lease, since);
    else if (lease.lost === undefined) this.#sync.cancel(lease);
  }

  /** Applies the answer to renewals that were sent at `sentAt`. `lost` names those that have ended. */
  applyRenewals(node: string, { renewals }: SyncBatch, lost: readonly string[], sentAt: number): void {
    if (renewals.size === 0) return;
    const ended = new Set(lost);
    for (const lease of renewals) {
      if (!ended.has(memberOf(node, lease))) this.confirm(lease, sentAt);
      else if (lease.isPresent) this.#end(lease);
    }
  }

  /** Enters the leases that Redis does not know. */
  enter(): void {
    for (const lease of this.#leases) if (!lease.isEntered) this.#sync.renew(lease);
  }

  /** Enters all leases in a Redis that has lost them. */
  reenter(): void {
    for (const lease of this.#leases) lease.isEntered = false;
    this.enter();
  }

  /** Whether a lease that began at `since` has ended, or is about to. */
  isLate(since: number): boolean {
    return since + this.#leaseMs * (1 - MARGIN) <= rootClock.now();
  }

  /** Ends the lease if its time is over although the timer has not fired yet. */
  readonly check = (lease: Lease): void => {
    if (lease.deadline <= rootClock.now() && lease.isPresent) this.#end(lease);
  };

  #arm(due: number): void {
    if (due >= this.#timerDue) return;
    if (this.#timer !== undefined) rootClock.clearTimer(this.#timer);
    this.#timerDue = due;
    this.#timer = rootClock.setTimer(this.#tick, Math.max(0, Math.ceil(due - rootClock.now())), true);
  }

  readonly #tick = (): void => {
    this.#timer = undefined;
    this.#timerDue = Infinity;
    const now = rootClock.now();
    let next = Infinity;
    // The end of one lease may release others.
    for (const lease of this.values()) {
      if (!lease.isPresent) continue;
      if (lease.deadline <= now) {
        this.#end(lease);
        continue;
      }
      if (lease.renewAt <= now) {
        // The answer sets the next renewal. Without an answer only the deadline is left.
        lease.renewAt = Infinity;
        this.#sync.renew(lease);
      }
      next = Math.min(next, lease.renewAt, lease.deadline);
    }
    if (next < Infinity) this.#arm(next);
  };
}
