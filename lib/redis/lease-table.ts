import type { Clock } from '../internal/clock.js';
import { LeaseLostError } from '../errors.js';
import type { Lease } from './lease.js';

/** A lease is renewed this often within its length. */
const RENEWALS_A_LEASE = 3;
/** How much earlier than the server, as a part of the length, a holder takes its lease for lost. */
const MARGIN = 0.1;

/** What the book asks of others. */
export interface LeaseBookOwner {
  /** The lease is due for a renewal. */
  renew(lease: Lease): void;
  /** The lease has run out, or the server does not have it any more. */
  leaseLost(lease: Lease, error: LeaseLostError): void;
}

/** The leases of one limit that this node holds. One timer serves them all, and stands still while none needs it. */
export class LeaseTable {
  readonly #leases = new Map<string, Lease>();
  readonly #clock: Clock;
  readonly #leaseMs: number;
  readonly #owner: LeaseBookOwner;
  #held = 0;
  #timer: unknown = undefined;
  #timerDue = Infinity;

  constructor(clock: Clock, leaseMs: number, owner: LeaseBookOwner) {
    this.#clock = clock;
    this.#leaseMs = leaseMs;
    this.#owner = owner;
  }

  /** Permits held. */
  get held(): number {
    return this.#held;
  }

  get(seq: string): Lease | undefined {
    return this.#leases.get(seq);
  }

  values(): IterableIterator<Lease> {
    return this.#leases.values();
  }

  /** Enters a lease; one that is in the book already stays. */
  add(lease: Lease): void {
    if (this.#leases.has(lease.seq)) return;
    this.#leases.set(lease.seq, lease);
    this.#held += lease.weight;
  }

  /** Strikes out a lease that was given back or lost. */
  delete(lease: Lease): void {
    if (this.#leases.delete(lease.seq)) this.#held -= lease.weight;
  }

  /** Redis keeps the lease from `since` on for `lengthMs`, at least. @defaultValue its whole length */
  extend(lease: Lease, since: number, lengthMs = this.#leaseMs): void {
    lease.deadline = since + lengthMs * (1 - MARGIN);
    lease.renewAt = since + lengthMs / RENEWALS_A_LEASE;
    this.#arm(lease.renewAt);
  }

  /** Whether what Redis keeps from `since` on for `lengthMs` has as good as run out. */
  isLate(since: number, lengthMs: number): boolean {
    return since + lengthMs * (1 - MARGIN) <= this.#clock.now();
  }

  /** Sees if the lease has run out meanwhile, though no timer has come to tell. */
  readonly lookAt = (lease: Lease): void => {
    if (lease.deadline <= this.#clock.now()) this.lose(lease);
  };

  lose(lease: Lease): void {
    if (!this.#leases.has(lease.seq)) return;
    this.delete(lease);
    this.#owner.leaseLost(lease, new LeaseLostError('the lease has ended before the permit was released'));
  }

  #arm(due: number): void {
    if (due >= this.#timerDue) return;
    if (this.#timer !== undefined) this.#clock.clearTimer(this.#timer);
    this.#timerDue = due;
    this.#timer = this.#clock.setTimer(this.#tick, Math.max(0, Math.ceil(due - this.#clock.now())), true);
  }

  readonly #tick = (): void => {
    this.#timer = undefined;
    this.#timerDue = Infinity;
    const now = this.#clock.now();
    let next = Infinity;
    for (const lease of this.#leases.values()) {
      if (lease.deadline <= now) {
        this.lose(lease);
        continue;
      }
      if (lease.renewAt <= now) {
        this.#owner.renew(lease);
        // Put right when the answer comes; without one the deadline is what is left to wait for.
        lease.renewAt = Infinity;
      }
      next = Math.min(next, lease.renewAt, lease.deadline);
    }
    if (next < Infinity) this.#arm(next);
  };
}
