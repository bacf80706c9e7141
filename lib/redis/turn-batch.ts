import type { Lease } from './lease.js';
import type { RedisWaiter } from './waiting-line.js';

/** What one limit wants of Redis in one turn of the event loop. Every operation may be sent twice. */
export class TurnBatch {
  /** Leases to give back. */
  readonly releases = new Set<Lease>();
  /** Ids to strike out wherever they stand. */
  readonly cancels = new Set<string>();
  /** Leases to lengthen; those that Redis has not granted are put in its books. */
  readonly renewals = new Set<Lease>();
  readonly asks = new Set<RedisWaiter>();

  /** Whether the reply is wanted, though there is nothing to do. */
  isInquiry = false;

  get isEmpty(): boolean {
    const { releases, cancels, renewals, asks } = this;
    return !this.isInquiry && releases.size + cancels.size + renewals.size + asks.size === 0;
  }

  /** The script's last arguments. From now on Redis may know of all that is in them. */
  write(): string[] {
    const releases: string[] = [];
    const renewals: string[] = [];
    const assertions: string[] = [];
    const asks: string[] = [];
    let released = 0;
    let asked = 0;
    for (const lease of this.releases) {
      releases.push(lease.id);
      released += lease.weight;
    }
    for (const lease of this.renewals) {
      (lease.isBooked ? renewals : assertions).push(lease.id);
      lease.isSent = true;
    }
    for (const waiter of this.asks) {
      asks.push((waiter.isTry ? 't' : 'w') + waiter.id);
      asked += waiter.weight;
      waiter.isSent = true;
    }
    const lists = [releases, renewals, assertions, asks].map((list) => list.join(' '));
    return [...lists, String(released), [...this.cancels].join(' '), String(asked)];
  }

  /** Leaves in it only what Redis has to be told. */
  dropQuestions(): void {
    this.asks.clear();
    this.isInquiry = false;
  }

  /** Puts back what could not be sent, before what has come since; what has been given up meanwhile stays out. */
  takeBack(unsent: TurnBatch): void {
    for (const lease of unsent.releases) this.releases.add(lease);
    for (const id of unsent.cancels) this.cancels.add(id);
    for (const lease of unsent.renewals) {
      if (lease.lost === undefined && !this.releases.has(lease)) this.renewals.add(lease);
    }
    const later = [...this.asks];
    this.asks.clear();
    for (const waiter of unsent.asks) {
      if (!this.cancels.has(waiter.id)) this.asks.add(waiter);
    }
    for (const waiter of later) this.asks.add(waiter);
  }
}
