import type { Clock } from '../internal/clock.js';
import type { Lease } from './lease.js';

/** Renewals within the length of a lease. */
const RENEWALS_A_LEASE = 3;
/** Part of its length by which a holder's lease ends earlier than on the server. */
const MARGIN = 0.1;

/** The leases of one limit that this process has. One timer serves all of them; it runs only while one needs it. */
export class LeaseTable {
  readonly #leases = new Map<string, Lease>();
  readonly #clock: Clock;
  readonly #leaseMs: number;
  readonly #renew: (lease: Lease) => void;
  readonly #end: (lease: Lease) => void;
  #held = 0;
  #timer: unknown = undefined;
  #timerDue = Infinity;

  /** `renew` is called when a renewal is due, `end` when a lease has ended without one. */
  constructor(clock: Clock, leaseMs: number, renew: (lease: Lease) => void, end: (lease: Lease) => void) {
    this.#clock = clock;
    this.#leaseMs = leaseMs;
    this.#renew = renew;
    this.#end = end;
  }

  /** Sum of the weights. */
  get held(): number {
    return this.#held;
  }

  get size(): number {
    return this.#leases.size;
  }

  get(seq: string): Lease | undefined {
    return this.#leases.get(seq);
  }

  has(lease: Lease): boolean {
    return this.#leases.get(lease.seq) === lease;
  }

  values(): IterableIterator<Lease> {
    return this.#leases.values();
  }

  /** Adds a lease. One that is present stays. */
  add(lease: Lease): void {
    if (this.#leases.has(lease.seq)) return;
    this.#leases.set(lease.seq, lease);
    this.#held += lease.weight;
  }

  /** Removes a lease that was released or lost. */
  delete(lease: Lease): void {
    if (this.#leases.delete(lease.seq)) this.#held -= lease.weight;
  }

  /** Notes that Redis keeps `lease` for at least its whole length from `since` on. */
  extend(lease: Lease, since: number): void {
    lease.deadline = since + this.#leaseMs * (1 - MARGIN);
    lease.renewAt = since + this.#leaseMs / RENEWALS_A_LEASE;
    this.#arm(lease.renewAt);
  }

  /** Whether a lease that began at `since` has ended, or is about to. */
  isLate(since: number): boolean {
    return since + this.#leaseMs * (1 - MARGIN) <= this.#clock.now();
  }

  /** Ends the lease if its time is over although the timer has not fired yet. */
  readonly check = (lease: Lease): void => {
    if (lease.deadline <= this.#clock.now() && this.has(lease)) this.#end(lease);
  };

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
        this.#end(lease);
        continue;
      }
      if (lease.renewAt <= now) {
        // The answer sets the next renewal. Without an answer only the deadline is left.
        lease.renewAt = Infinity;
        this.#renew(lease);
      }
      next = Math.min(next, lease.renewAt, lease.deadline);
    }
    if (next < Infinity) this.#arm(next);
  };
}
