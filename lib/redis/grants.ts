import { systemClock } from '../internal/clock.js';
import { SyncClient } from './sync/sync-client.js';
import type { KeyNames } from './sync/keys.js';
import { Lease } from './lease.js';
import type { LinkOwner } from './link-owner.js';
import type { Connection } from './sync/connection.js';
import type { ResolvedOptions } from './options.js';
import { Roster } from './roster.js';
import { Answer } from './sync/sync-reply.js';
import type { SyncReply } from './sync/sync-reply.js';
import type { RedisWaiter } from './wait-queue.js';

/** What becomes of those who hold and wait in this process by what Redis says, or by its silence. */
export class Grants implements LinkOwner {
  readonly link: SyncClient;
  readonly roster: Roster;
  readonly #terms: ResolvedOptions;
  readonly #onQuiet: () => void;

  constructor(node: Connection, keys: KeyNames, terms: ResolvedOptions, onQuiet: () => void) {
    this.#terms = terms;
    this.#onQuiet = onQuiet;
    this.link = new SyncClient(node, node.breaker(terms.timeoutMs), keys, terms, this);
    this.roster = new Roster(this.link, terms, systemClock, () => node.nextSeq(), onQuiet);
  }

  answered(waiter: RedisWaiter, answer: number, sentAt: number): void {
    if (this.roster.stock.delivers(waiter)) this.#stockUp(waiter, answer, sentAt);
    else if (this.roster.line.get(waiter.seq) !== waiter) {
      // It has left meanwhile; or it was served here, and Redis has it in its books now.
      const lease = this.roster.leases.get(waiter.seq);
      if (answer > 0 && lease === undefined) this.link.strikeOut(waiter);
      else if (answer > 0 && lease !== undefined) this.renewed(lease, sentAt);
    } else if (answer > 0) {
      const wasQueued = waiter.isQueued;
      this.#grantFrom(waiter, answer, sentAt, this.#terms.leaseMs);
      // Its wake-up was lost, so that of the next may have been.
      if (wasQueued) this.check();
    } else if (answer === Answer.queued || answer === Answer.alreadyQueued) {
      this.#queued(waiter, answer === Answer.queued);
    } else this.roster.refuse(waiter, answer);
  }

  promoted(seq: string, fence: number, sentAt: number): void {
    this.#granted(seq, fence, sentAt, this.#terms.leaseMs);
  }

  published(seq: string, fence: number, untilMs: number): void {
    const waiter = this.roster.line.get(seq);
    if (waiter !== undefined && !waiter.isQueued) waiter.early = [fence, untilMs];
    else this.#granted(seq, fence, this.link.localTime(untilMs) - this.#terms.claimMs, this.#terms.claimMs);
  }

  renewed(lease: Lease, sentAt: number): void {
    lease.isBooked = true;
    if (this.roster.leases.get(lease.seq) === lease) this.roster.leases.extend(lease, sentAt);
    else if (lease.lost === undefined) this.link.strikeOut(lease);
  }

  lost(seq: string): void {
    const lease = this.roster.leases.get(seq);
    if (lease !== undefined) this.roster.leases.lose(lease);
  }

  synced(reply: SyncReply): void {
    this.roster.measureLimit();
    this.roster.stock.hear(reply.queued);
    this.roster.line.watch(reply.queued > 0 ? reply.nextMs : Infinity);
  }

  check(): void {
    this.roster.check();
  }

  reassert(): void {
    for (const lease of this.roster.leases.values()) {
      lease.isBooked = false;
      this.link.renew(lease);
    }
  }

  down(): void {
    this.roster.stock.clear();
    this.roster.serveHere();
    this.#onQuiet();
  }

  up(): void {
    for (const lease of this.roster.leases.values()) this.link.renew(lease);
    for (const waiter of this.roster.line) this.link.ask(waiter);
  }

  settled(): void {
    this.#onQuiet();
  }

  #stockUp(spare: RedisWaiter, fence: number, sentAt: number): void {
    if (fence <= 0) return;
    const lease = new Lease(spare.seq, spare.weight, fence, true);
    this.roster.leases.add(lease);
    this.roster.leases.extend(lease, sentAt);
    if (!this.roster.stock.keep(lease)) this.roster.returned(lease);
  }

  #granted(seq: string, fence: number, since: number, lengthMs: number): void {
    const waiter = this.roster.line.get(seq);
    if (waiter !== undefined) {
      if (fence === 0) this.roster.refuse(waiter, Answer.tooHeavy);
      else this.#grantFrom(waiter, fence, since, lengthMs);
    }
    // One that is not known any more was given back when it left; what is said twice needs no second answer.
  }

  /** Hands over what Redis holds from `since` on for `lengthMs`, if that is still worth having. */
  #grantFrom(waiter: RedisWaiter, fence: number, since: number, lengthMs: number): void {
    if (this.roster.leases.isLate(since, lengthMs)) {
      this.roster.line.unqueued(waiter);
      this.link.ask(waiter);
      return;
    }
    // Its signal may be telling others first: an aborted signal never acquires.
    if (waiter.signal?.aborted === true) {
      this.roster.abort(waiter);
      return;
    }
    const lease = new Lease(waiter.seq, waiter.weight, fence, true);
    this.roster.leases.extend(lease, since, lengthMs);
    this.roster.serve(waiter, lease);
  }

  #queued(waiter: RedisWaiter, isNew: boolean): void {
    const { early, isQueued } = waiter;
    this.roster.line.queued(waiter);
    waiter.early = undefined;
    if (early !== undefined) this.published(waiter.seq, ...early);
    else if (isNew && isQueued) {
      // It had been in line, so Redis has lost the line: the others have no place any more, either.
      for (const other of this.roster.line) if (other.isQueued && other !== waiter) this.link.ask(other);
    }
  }
}
