import type { Lease } from './lease.js';
import type { RedisWaiter } from './waiting-line.js';

/** What one limit wants of Redis in one turn of the event loop. Every operation may be sent twice. */
export class TurnBatch {
  /** Ids of holders and waiters to strike out. */
  readonly releases = new Set<string>();
  /** Leases to lengthen; those that Redis has not granted are put in its books. */
  readonly renewals = new Set<Lease>();
  readonly asks = new Set<RedisWaiter>();

  /** Whether the reply is wanted, though there is nothing to do. */
  isInquiry = false;

  get isEmpty(): boolean {
    return !this.isInquiry && this.releases.size === 0 && this.renewals.size === 0 && this.asks.size === 0;
  }

  /** The script's last arguments: releases, renewals, assertions, asks. From now on Redis may know of all of them. */
  write(): [releases: string, renewals: string, assertions: string, asks: string] {
    const renewals: string[] = [];
    const assertions: string[] = [];
    const asks: string[] = [];
    for (const lease of this.renewals) {
      (lease.isBooked ? renewals : assertions).push(lease.id);
      lease.isSent = true;
    }
    for (const waiter of this.asks) {
      asks.push((waiter.isTry ? 't' : 'w') + waiter.id);
      waiter.isSent = true;
    }
    return [[...this.releases].join(' '), renewals.join(' '), assertions.join(' '), asks.join(' ')];
  }

  /** Puts back what could not be sent, before what has come since; what has been given up meanwhile stays out. */
  takeBack(unsent: TurnBatch): void {
    for (const id of unsent.releases) this.releases.add(id);
    for (const lease of unsent.renewals) {
      if (lease.lost === undefined && !this.releases.has(lease.id)) this.renewals.add(lease);
    }
    const later = [...this.asks];
    this.asks.clear();
    for (const waiter of unsent.asks) {
      if (!this.releases.has(waiter.id)) this.asks.add(waiter);
    }
    for (const waiter of later) this.asks.add(waiter);
  }
}
