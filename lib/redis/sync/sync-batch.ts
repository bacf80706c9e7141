import type { Lease } from '../lease.js';
import type { RedisWaiter } from '../wait-queue.js';

/** What a holder and a waiter are to Redis. */
export interface Member {
  /** What no other of its node has. */
  readonly seq: string;
  readonly weight: number;
}

/** What one limit wants of Redis in one turn of the event loop. Every operation may be sent twice. */
export class SyncBatch {
  /** Leases to give back. */
  readonly releases = new Set<Lease>();
  /** Whom to strike out wherever they stand. */
  readonly cancels = new Set<Member>();
  /** Leases to lengthen; those that Redis has not granted are put in its books. */
  readonly renewals = new Set<Lease>();
  readonly asks = new Set<RedisWaiter>();

  /** The limit that it is to have from now on. */
  resizeTo: number | undefined;
  /** Whether the reply is wanted, though there is nothing to do. */
  isInquiry = false;

  get isEmpty(): boolean {
    const { releases, cancels, renewals, asks } = this;
    const count = releases.size + cancels.size + renewals.size + asks.size;
    return count === 0 && this.resizeTo === undefined && !this.isInquiry;
  }

  /** What of it the script is told. From now on Redis may know of all that is in it. */
  write(node: string): unknown[] {
    const releases: string[] = [];
    const asks: string[] = [];
    let modes = '';
    let released = 0;
    let asked = 0;
    for (const lease of this.releases) {
      releases.push(memberOf(node, lease));
      released += lease.weight;
    }
    for (const waiter of this.asks) {
      asks.push(memberOf(node, waiter));
      modes += waiter.isTry ? 't' : 'w';
      asked += waiter.weight;
      waiter.isSent = true;
    }
    const usual = [releases, released, asks, modes, asked];
    if (this.renewals.size + this.cancels.size === 0 && this.resizeTo === undefined) return usual;
    return [...usual, ...this.#writeRest(node)];
  }

  #writeRest(node: string): unknown[] {
    const renewals: string[] = [];
    const assertions: string[] = [];
    for (const lease of this.renewals) {
      (lease.isBooked ? renewals : assertions).push(memberOf(node, lease));
      lease.isSent = true;
    }
    const cancels = [...this.cancels].map((member) => memberOf(node, member));
    return [renewals, assertions, cancels, this.resizeTo ?? -1];
  }

  /** Leaves in it only what Redis has to be told. */
  dropQuestions(): void {
    this.asks.clear();
    this.isInquiry = false;
  }

  /** Puts back what could not be sent, before what has come since; what has been given up meanwhile stays out. */
  takeBack(unsent: SyncBatch): void {
    this.resizeTo ??= unsent.resizeTo;
    for (const lease of unsent.releases) this.releases.add(lease);
    for (const member of unsent.cancels) this.cancels.add(member);
    for (const lease of unsent.renewals) {
      const isGone = lease.lost !== undefined || this.releases.has(lease) || this.cancels.has(lease);
      if (!isGone) this.renewals.add(lease);
    }
    const later = [...this.asks];
    this.asks.clear();
    for (const waiter of unsent.asks) {
      if (!this.cancels.has(waiter)) this.asks.add(waiter);
    }
    for (const waiter of later) this.asks.add(waiter);
  }
}

/** How a holder or waiter of a node is called in Redis. */
export function memberOf(node: string, { seq, weight }: Member): string {
  return `${node}.${seq}.${weight}`;
}
