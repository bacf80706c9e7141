import { systemClock } from '../core/clock.js';
import type { Outcome } from '../core/limiter.js';
import type { TakeBack } from '../core/permit.js';
import { Tally } from '../core/tally.js';
import type { Departure } from '../core/waiter.js';
import { BackendError, QueueFullError, WaitTimeoutError } from '../errors.js';
import type { LeaseLostError, SemaphoreError } from '../errors.js';
import { KeyLink } from './key-link.js';
import type { LinkOwner } from './key-link.js';
import type { KeyNames } from './key-names.js';
import { LeaseBook } from './lease-book.js';
import type { LeaseBookOwner } from './lease-book.js';
import { Lease, LeasePermit } from './lease.js';
import type { NodeConnection } from './node-connection.js';
import type { SemaphoreTerms } from './options.js';
import { Stock } from './stock.js';
import type { StockOwner } from './stock.js';
import { Answer } from './sync-reply.js';
import type { SyncReply } from './sync-reply.js';
import { WaitingLine } from './waiting-line.js';
import type { RedisWaiter } from './waiting-line.js';

/** Checks of a line within the time that a grant may stay unconfirmed. */
const CHECKS_A_CLAIM = 2;

/** Who of this process holds and who waits, and what becomes of them by what Redis says, or by its silence. */
export class Grants implements LinkOwner, LeaseBookOwner, StockOwner {
  readonly tally: Tally;
  readonly line: WaitingLine;
  readonly leases: LeaseBook;
  readonly stock: Stock;
  readonly link: KeyLink;
  readonly #terms: SemaphoreTerms;
  readonly #node: NodeConnection;
  readonly #onQuiet: () => void;
  /** The limit that the waiters have been measured by. */
  #limit: number;

  constructor(node: NodeConnection, keys: KeyNames, terms: SemaphoreTerms, onQuiet: () => void) {
    this.tally = new Tally(terms.name, systemClock);
    this.#node = node;
    this.#terms = terms;
    this.#limit = terms.permits;
    this.#onQuiet = onQuiet;
    this.link = new KeyLink(node, node.breaker(terms.timeoutMs), keys, terms, this);
    this.line = new WaitingLine(systemClock, terms.claimMs / CHECKS_A_CLAIM, this.check);
    this.leases = new LeaseBook(systemClock, terms.leaseMs, this);
    this.stock = new Stock(terms.batch, systemClock, this);
  }

  /** How fast the waiters of this process are served. */
  get ratePerMs(): number | undefined {
    return this.line.ratePerMs(this.#terms.permits);
  }

  /** A limit of 0 is a pause, so there one permit is worth waiting for. */
  isTooHeavy(weight: number): boolean {
    return weight > Math.max(1, this.#terms.permits);
  }

  tooHeavy(weight: number): RangeError {
    return new RangeError(`weight must be at most permits (${this.#terms.permits}), got ${weight}`);
  }

  /** Puts a waiter in line, and asks Redis for it. */
  enter(waiter: RedisWaiter): void {
    this.tally.join(waiter, this.line.size);
    this.line.push(waiter);
    this.link.join();
    if (this.link.isDown) this.#serveHere();
    else {
      this.link.ask(waiter);
      for (const spare of this.stock.order(() => this.#node.nextSeq())) this.link.ask(spare);
    }
  }

  /** A permit that needs no question: one in stock, or while Redis is down one that the policy has left. */
  takeHere(weight: number, signal?: AbortSignal): LeasePermit | undefined {
    if (weight === 1 && this.line.size === 0) {
      const lease = this.stock.take();
      if (lease !== undefined) return this.#hold(lease, signal);
    }
    if (!this.link.isDown || this.line.size > 0 || !this.#fitsHere(weight)) return undefined;
    this.link.join();
    return this.#hold(new Lease(this.#node.nextSeq(), weight, 0, false), signal);
  }

  /** Takes a waiter out of the line. */
  dismiss(waiter: RedisWaiter, error: unknown): void {
    this.line.remove(waiter);
    this.tally.leave(waiter);
    this.link.cancel(waiter);
    waiter.refuse(error);
  }

  /** Looks at the limit, which may have changed. */
  measureLimit(): void {
    const { permits } = this.#terms;
    if (permits === this.#limit) return;
    this.tally.changeLimit(this.#limit, permits);
    this.#limit = permits;
    for (const waiter of this.line) {
      if (this.isTooHeavy(waiter.weight)) this.dismiss(waiter, this.tooHeavy(waiter.weight));
    }
  }

  depart(waiter: RedisWaiter, why: Departure): void {
    if (why === 'abort') this.#abort(waiter);
    else this.dismiss(waiter, this.#waitTimeout(waiter));
    if (this.link.isDown) this.#serveHere();
    this.#onQuiet();
  }

  answered(waiter: RedisWaiter, answer: number, sentAt: number): void {
    if (this.stock.delivers(waiter)) this.#stockUp(waiter, answer, sentAt);
    else if (this.line.get(waiter.seq) !== waiter) {
      // It has left meanwhile; or it was served here, and Redis has it in its books now.
      const lease = this.leases.get(waiter.seq);
      if (answer > 0 && lease === undefined) this.link.strikeOut(waiter);
      else if (answer > 0 && lease !== undefined) this.renewed(lease, sentAt);
    } else if (answer > 0) {
      const wasQueued = waiter.isQueued;
      this.#grantFrom(waiter, answer, sentAt, this.#terms.leaseMs);
      // Its wake-up was lost, so that of the next may have been.
      if (wasQueued) this.check();
    } else if (answer === Answer.queued || answer === Answer.alreadyQueued) {
      this.#queued(waiter, answer === Answer.queued);
    } else this.#refuse(waiter, answer);
  }

  promoted(seq: string, fence: number, sentAt: number): void {
    this.#granted(seq, fence, sentAt, this.#terms.leaseMs);
  }

  published(seq: string, fence: number, untilMs: number): void {
    const waiter = this.line.get(seq);
    if (waiter !== undefined && !waiter.isQueued) waiter.early = [fence, untilMs];
    else this.#granted(seq, fence, this.link.localTime(untilMs) - this.#terms.claimMs, this.#terms.claimMs);
  }

  renewed(lease: Lease, sentAt: number): void {
    lease.isBooked = true;
    if (this.leases.get(lease.seq) === lease) this.leases.extend(lease, sentAt);
    else if (lease.lost === undefined) this.link.strikeOut(lease);
  }

  lost(seq: string): void {
    const lease = this.leases.get(seq);
    if (lease !== undefined) this.leases.lose(lease);
  }

  synced(reply: SyncReply): void {
    this.measureLimit();
    this.stock.hear(reply.queued);
    this.line.watch(reply.queued > 0 ? reply.nextMs : Infinity);
  }

  readonly check = (): void => {
    // Redis serves in order: while the first of this node stands in line, so do the others.
    for (const waiter of this.line) {
      if (!waiter.isQueued) continue;
      this.link.ask(waiter);
      return;
    }
  };

  reassert(): void {
    for (const lease of this.leases.values()) {
      lease.isBooked = false;
      this.link.renew(lease);
    }
  }

  down(): void {
    this.stock.clear();
    this.#serveHere();
    this.#onQuiet();
  }

  up(): void {
    for (const lease of this.leases.values()) this.link.renew(lease);
    for (const waiter of this.line) this.link.ask(waiter);
  }

  settled(): void {
    this.#onQuiet();
  }

  renew(lease: Lease): void {
    this.link.renew(lease);
  }

  leaseLost(lease: Lease, error: LeaseLostError): void {
    this.link.giveBack(lease);
    lease.lose(error);
    if (!this.stock.remove(lease)) {
      this.tally.release(lease.weight, 'ignore');
      this.tally.lose(lease.weight, error);
    }
    if (this.link.isDown) this.#serveHere();
    this.#onQuiet();
  }

  inquire(): void {
    this.link.inquire();
  }

  #stockUp(spare: RedisWaiter, fence: number, sentAt: number): void {
    if (fence <= 0) return;
    const lease = new Lease(spare.seq, spare.weight, fence, true);
    this.leases.add(lease);
    this.leases.extend(lease, sentAt);
    if (!this.stock.keep(lease)) this.returned(lease);
  }

  #granted(seq: string, fence: number, since: number, lengthMs: number): void {
    const waiter = this.line.get(seq);
    if (waiter !== undefined) {
      if (fence === 0) this.#refuse(waiter, Answer.tooHeavy);
      else this.#grantFrom(waiter, fence, since, lengthMs);
    }
    // One that is not known any more was given back when it left; what is said twice needs no second answer.
  }

  /** Hands over what Redis holds from `since` on for `lengthMs`, if that is still worth having. */
  #grantFrom(waiter: RedisWaiter, fence: number, since: number, lengthMs: number): void {
    if (this.leases.isLate(since, lengthMs)) {
      this.line.unqueued(waiter);
      this.link.ask(waiter);
      return;
    }
    // Its signal may be telling others first: an aborted signal never acquires.
    if (waiter.signal?.aborted === true) {
      this.#abort(waiter);
      return;
    }
    const lease = new Lease(waiter.seq, waiter.weight, fence, true);
    this.leases.extend(lease, since, lengthMs);
    this.line.serve(waiter);
    this.tally.leave(waiter);
    waiter.grant(this.#hold(lease, waiter.signal, waiter));
  }

  #queued(waiter: RedisWaiter, isNew: boolean): void {
    const { early, isQueued } = waiter;
    this.line.queued(waiter);
    waiter.early = undefined;
    if (early !== undefined) this.published(waiter.seq, ...early);
    else if (isNew && isQueued) {
      // It had been in line, so Redis has lost the line: the others have no place any more, either.
      for (const other of this.line) if (other.isQueued && other !== waiter) this.link.ask(other);
    }
  }

  /** Redis has no place for the waiter, so there is nothing to cancel. */
  #refuse(waiter: RedisWaiter, answer: number): void {
    waiter.isSent = false;
    if (answer === Answer.tooHeavy) this.dismiss(waiter, this.tooHeavy(waiter.weight));
    else if (answer === Answer.notFree) this.dismiss(waiter, this.#waitTimeout(waiter));
    else {
      const error = new QueueFullError('the queue is full', this.#retryAfterMs());
      this.dismiss(waiter, this.tally.refuse(error, waiter));
    }
  }

  /** Serves the head of the line by the policy for when Redis is down. */
  #serveHere(): void {
    const isClosed = this.#terms.ownPermits(this.#terms.permits) === 0;
    let isFull = false;
    for (const waiter of this.line) {
      isFull ||= !this.#fitsHere(waiter.weight);
      if (!isFull) {
        this.line.serve(waiter);
        this.tally.leave(waiter);
        const lease = new Lease(waiter.seq, waiter.weight, 0, waiter.isSent);
        waiter.grant(this.#hold(lease, waiter.signal, waiter));
      } else if (isClosed)
        this.dismiss(waiter, this.tally.refuse(new BackendError('Redis does not answer'), waiter));
      else if (waiter.isTry) this.dismiss(waiter, this.#waitTimeout(waiter));
    }
  }

  /** What is heavier than this process's part may run alone. */
  #fitsHere(weight: number): boolean {
    const permits = this.#terms.ownPermits(this.#terms.permits);
    return this.leases.held === 0 ? permits > 0 : this.leases.held + weight <= permits;
  }

  #hold(lease: Lease, signal: AbortSignal | undefined, waiter?: RedisWaiter): LeasePermit {
    this.leases.add(lease);
    const takeBack: TakeBack = (_, outcome) => {
      this.#takeBack(lease, outcome);
    };
    const counted = this.tally.grant(lease.weight, takeBack, waiter);
    return new LeasePermit(lease, counted, this.leases.lookAt, signal);
  }

  #takeBack(lease: Lease, outcome: Outcome): void {
    if (lease.lost !== undefined) return;
    this.tally.release(lease.weight, outcome);
    if (!this.link.isDown && this.stock.keep(lease)) return;
    this.returned(lease);
  }

  /** Gives a lease back to Redis, or to who waits here while it is down. */
  returned(lease: Lease): void {
    this.leases.delete(lease);
    this.link.giveBack(lease);
    if (this.link.isDown) this.#serveHere();
    this.#onQuiet();
  }

  #abort(waiter: RedisWaiter): void {
    this.tally.abort(waiter);
    this.dismiss(waiter, waiter.signal?.reason);
  }

  #waitTimeout(waiter: RedisWaiter): SemaphoreError {
    const error = new WaitTimeoutError('no permit came free in time', this.#retryAfterMs());
    return this.tally.refuse(error, waiter);
  }

  /** When everybody of this process now in line will have been served, as fast as it goes now. */
  #retryAfterMs(): number | undefined {
    const rate = this.ratePerMs;
    return rate === undefined ? undefined : (this.line.size + 1) / rate;
  }
}
