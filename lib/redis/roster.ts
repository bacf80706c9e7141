import type { Clock } from '../internal/clock.js';
import type { Outcome } from '../core/limiter.js';
import type { OnRelease } from '../core/permit.js';
import { StatsRecorder } from '../core/stats-recorder.js';
import type { LeaveReason } from '../core/waiter.js';
import { BackendError, QueueFullError, WaitTimeoutError } from '../errors.js';
import type { LeaseLostError, SemaphoreError } from '../errors.js';
import type { SyncClient } from './sync/sync-client.js';
import { LeaseTable } from './lease-table.js';
import type { LeaseBookOwner } from './lease-table.js';
import { Lease, LeasePermit } from './lease.js';
import type { ResolvedOptions } from './options.js';
import { PrefetchedLeases } from './prefetched-leases.js';
import type { StockOwner } from './prefetched-leases.js';
import { Answer } from './sync/sync-reply.js';
import { WaitingLine } from './wait-queue.js';
import type { RedisWaiter } from './wait-queue.js';

/** Checks of a line within the time that a grant may stay unconfirmed. */
const CHECKS_A_CLAIM = 2;

/** Who of this process holds and who waits: how each of them comes and goes, and who is served here while Redis is down. */
export class Roster implements LeaseBookOwner, StockOwner {
  readonly stats: StatsRecorder;
  readonly line: WaitingLine;
  readonly leases: LeaseTable;
  readonly stock: PrefetchedLeases;
  readonly #link: SyncClient;
  readonly #clock: Clock;
  readonly #terms: ResolvedOptions;
  readonly #nextSeq: () => string;
  readonly #onQuiet: () => void;
  /** The limit that the waiters have been measured by. */
  #limit: number;

  /** `onQuiet` is called when the last holder or waiter may have gone. */
  constructor(
    link: SyncClient,
    terms: ResolvedOptions,
    clock: Clock,
    nextSeq: () => string,
    onQuiet: () => void,
  ) {
    this.#link = link;
    this.#clock = clock;
    this.#terms = terms;
    this.#limit = terms.permits;
    this.#nextSeq = nextSeq;
    this.#onQuiet = onQuiet;
    this.stats = new StatsRecorder(terms.name, clock);
    this.line = new WaitingLine(clock, terms.claimMs / CHECKS_A_CLAIM, this.check);
    this.leases = new LeaseTable(clock, terms.leaseMs, this);
    this.stock = new PrefetchedLeases(terms.batch, clock, this);
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
    if (this.stats.isTimingWaits) waiter.since = this.#clock.now();
    this.stats.enqueue(waiter);
    this.line.push(waiter);
    this.#link.join();
    if (this.#link.isDown) this.serveHere();
    else {
      this.#link.ask(waiter);
      for (const spare of this.stock.order(this.#nextSeq)) this.#link.ask(spare);
    }
  }

  /** A permit that needs no question: one in stock, or while Redis is down one that the policy has left. */
  takeHere(weight: number, signal?: AbortSignal): LeasePermit | undefined {
    if (weight === 1 && this.line.size === 0) {
      const lease = this.stock.take();
      if (lease !== undefined) return this.#hold(lease, signal);
    }
    if (!this.#link.isDown || this.line.size > 0 || !this.#fitsHere(weight)) return undefined;
    this.#link.join();
    return this.#hold(new Lease(this.#nextSeq(), weight, 0, false), signal);
  }

  depart(waiter: RedisWaiter, why: LeaveReason): void {
    if (why === 'abort') this.abort(waiter);
    else this.dismiss(waiter, this.#waitTimeout(waiter));
    if (this.#link.isDown) this.serveHere();
    this.#onQuiet();
  }

  /** Serves `waiter` with `lease`. */
  serve(waiter: RedisWaiter, lease: Lease): void {
    this.line.serve(waiter);
    this.stats.dequeue(waiter);
    waiter.grant(this.#hold(lease, waiter.signal, waiter));
  }

  /** Serves the head of the line by the policy for when Redis is down. */
  serveHere(): void {
    const isClosed = this.#terms.ownPermits(this.#terms.permits) === 0;
    let isFull = false;
    for (const waiter of this.line) {
      isFull ||= !this.#fitsHere(waiter.weight);
      if (!isFull) {
        this.serve(waiter, new Lease(waiter.seq, waiter.weight, 0, waiter.isSent));
      } else if (isClosed)
        this.dismiss(waiter, this.stats.reject(new BackendError('Redis does not answer'), waiter));
      else if (waiter.isTry) this.dismiss(waiter, this.#waitTimeout(waiter));
    }
  }

  /** Redis has no place for `waiter`, so there is nothing to cancel. */
  refuse(waiter: RedisWaiter, answer: number): void {
    waiter.isSent = false;
    if (answer === Answer.tooHeavy) this.dismiss(waiter, this.tooHeavy(waiter.weight));
    else if (answer === Answer.notFree) this.dismiss(waiter, this.#waitTimeout(waiter));
    else {
      const error = new QueueFullError('the queue is full', {
        retryAfterMs: this.#retryAfterMs(),
        scope: this.stats.scope,
      });
      this.dismiss(waiter, this.stats.reject(error, waiter));
    }
  }

  abort(waiter: RedisWaiter): void {
    this.stats.abort(waiter);
    this.dismiss(waiter, waiter.signal?.reason);
  }

  /** Takes a waiter out of the line. */
  dismiss(waiter: RedisWaiter, error: unknown): void {
    this.line.remove(waiter);
    this.stats.dequeue(waiter);
    this.#link.cancel(waiter);
    waiter.reject(error);
  }

  /** Looks at the limit, which may have changed. */
  measureLimit(): void {
    const { permits } = this.#terms;
    if (permits === this.#limit) return;
    this.stats.changeLimit(this.#limit, permits);
    this.#limit = permits;
    for (const waiter of this.line) {
      if (this.isTooHeavy(waiter.weight)) this.dismiss(waiter, this.tooHeavy(waiter.weight));
    }
  }

  /** Asks how it stands with the line of this node. */
  readonly check = (): void => {
    // Redis serves in order: while the first of this node stands in line, so do the others.
    for (const waiter of this.line) {
      if (!waiter.isQueued) continue;
      this.#link.ask(waiter);
      return;
    }
  };

  renew(lease: Lease): void {
    this.#link.renew(lease);
  }

  leaseLost(lease: Lease, error: LeaseLostError): void {
    this.#link.giveBack(lease);
    lease.lose(error);
    if (!this.stock.remove(lease)) {
      this.stats.release(lease.weight, 'ignore');
      this.stats.leaseLost(lease.weight, error);
    }
    if (this.#link.isDown) this.serveHere();
    this.#onQuiet();
  }

  inquire(): void {
    this.#link.inquire();
  }

  /** Gives a lease back to Redis, or to who waits here while it is down. */
  returned(lease: Lease): void {
    this.leases.delete(lease);
    this.#link.giveBack(lease);
    if (this.#link.isDown) this.serveHere();
    this.#onQuiet();
  }

  /** What is heavier than this process's part may run alone. */
  #fitsHere(weight: number): boolean {
    const permits = this.#terms.ownPermits(this.#terms.permits);
    return this.leases.held === 0 ? permits > 0 : this.leases.held + weight <= permits;
  }

  #hold(lease: Lease, signal: AbortSignal | undefined, waiter?: RedisWaiter): LeasePermit {
    this.leases.add(lease);
    const takeBack: OnRelease = (_, outcome) => {
      this.#takeBack(lease, outcome);
    };
    const counted = this.stats.grant(lease.weight, takeBack, waiter);
    return new LeasePermit(lease, counted, this.leases.lookAt, signal);
  }

  #takeBack(lease: Lease, outcome: Outcome): void {
    if (lease.lost !== undefined) return;
    this.stats.release(lease.weight, outcome);
    if (!this.#link.isDown && this.stock.keep(lease)) return;
    this.returned(lease);
  }

  #waitTimeout(waiter: RedisWaiter): SemaphoreError {
    const error = new WaitTimeoutError('no permit came free in time', {
      retryAfterMs: this.#retryAfterMs(),
      scope: this.stats.scope,
    });
    return this.stats.reject(error, waiter);
  }

  /** When everybody of this process now in line will have been served, as fast as it goes now. */
  #retryAfterMs(): number | undefined {
    const rate = this.ratePerMs;
    return rate === undefined ? undefined : (this.line.size + 1) / rate;
  }
}
