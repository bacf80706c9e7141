import type { Outcome } from '../core/limiter.js';
import type { LeaveReason } from '../core/waiter.js';
import { LeaseLostError } from '../errors.js';
import { LeaseTable } from './lease-table.js';
import { Lease, LeasePermit } from './lease.js';
import type { Usage } from './lease.js';
import { localPermits } from './options.js';
import type { SharedOptions } from './options.js';
import { PrefetchedLeases } from './prefetched-leases.js';
import { checkReadiness } from './readiness.js';
import type { GrantReceiver, RedisWaiter } from './redis-waiter.js';
import { rootClock } from './sync/connection.js';
import type { Connection } from './sync/connection.js';
import type { KeyNames } from './sync/keys.js';
import { SyncClient } from './sync/sync-client.js';
import type { SyncResult } from './sync/sync-client.js';
import { Answer } from './sync/sync-reply.js';
import type { FleetStats, PublishedGrant, Rules } from './sync/sync-reply.js';
import { RESIZE_KEPT_MS } from './sync/sync-script.js';
import { RedisWaitQueue } from './wait-queue.js';

/**
 * The holders and waiters of one limit in this process. All `RedisSemaphore` objects of one client, name and options
 * share one manager, so a grant of Redis reaches the waiter whatever object its caller asked.
 */
export class LeaseManager implements GrantReceiver {
  readonly shared: SharedOptions;
  readonly #connection: Connection;
  readonly #keys: KeyNames;
  readonly #sync: SyncClient;
  readonly #queue: RedisWaitQueue;
  readonly #leases: LeaseTable;
  readonly #prefetched: PrefetchedLeases;
  /** Objects whose `idle()` has not resolved. */
  readonly #idling = new Set<Usage>();
  /** Objects that are not closed. */
  #objects = 0;
  /** The limit by which the waiters were measured. */
  #limit: number;
  #keepTimer: unknown;

  constructor(connection: Connection, keys: KeyNames, shared: SharedOptions, rules: Rules) {
    this.shared = shared;
    this.#connection = connection;
    this.#keys = keys;
    this.#limit = rules.permits;
    this.#prefetched = new PrefetchedLeases(shared.prefetch, rootClock, (unused) => {
      for (const lease of unused) this.#return(lease);
      this.#sync.inquire();
    });
    this.#sync = new SyncClient(connection, keys, shared, rules, {
      result: (result) => {
        this.#apply(result);
      },
      down: () => {
        this.#goDown();
      },
      up: () => {
        this.#comeUp();
      },
      settled: () => {
        this.#noticeQuiet();
      },
    });
    this.#leases = new LeaseTable(this.#sync, shared.leaseMs, (lease) => {
      this.#lose(lease);
    });
    this.#queue = new RedisWaitQueue(connection, this.#sync, shared);
  }

  /** Notes one more object. A version above the known one replaces the limit. */
  open(rules: Rules): void {
    this.#objects++;
    if (rules.version > this.#sync.rules.version) this.#sync.rules = rules;
  }

  /** The limit, as last heard from Redis. */
  get permits(): number {
    return this.#sync.rules.permits;
  }

  get isDown(): boolean {
    return this.#sync.isDown;
  }

  get hasWakeUps(): boolean {
    return this.#connection.hasWakeUps;
  }

  /** Waiters of this process that are granted in a millisecond; `undefined` where it is unknown. */
  get ratePerMs(): number | undefined {
    return this.#queue.ratePerMs;
  }

  nextSeq(): string {
    return this.#connection.nextSeq();
  }

  /** A limit of 0 is a pause: a permit of weight 1 is worth waiting for. */
  isTooHeavy(weight: number): boolean {
    return weight > Math.max(1, this.permits);
  }

  /** What the fleet does, as of the last survey. */
  fleet(): FleetStats | undefined {
    return this.#sync.fleet();
  }

  /** Resolves once Redis can run the script and wake this process. Rejects with an error that names what is missing. */
  ready(): Promise<void> {
    return checkReadiness(this.#connection, this.#sync, this.#keys, this.shared);
  }

  /** Grants a permit without a question to Redis: a prefetched one, or while Redis is down one that the policy allows. */
  acquireLocally(usage: Usage, weight: number, signal?: AbortSignal): LeasePermit | undefined {
    if (this.#queue.size > 0) return undefined;
    const prefetched = weight === 1 ? this.#prefetched.take() : undefined;
    if (prefetched !== undefined) return this.#hold(prefetched, usage, signal);
    if (!this.isDown || !this.#fitsLocally(weight)) return undefined;
    this.#sync.join();
    return this.#hold(new Lease(this.nextSeq(), weight, 0, false), usage, signal);
  }

  /** Enqueues a waiter and asks Redis for it. */
  enqueue(waiter: RedisWaiter, usage: Usage): void {
    this.#queue.enqueue(waiter, usage);
    waiter.receiver = this;
    this.#sync.join();
    if (this.isDown) this.#serveLocally();
    else {
      this.#sync.request(waiter);
      for (const request of this.#prefetched.request(() => this.nextSeq())) this.#sync.request(request);
    }
  }

  /** Ends the wait of a waiter whose time is over or whose signal has aborted. */
  leave(waiter: RedisWaiter, why: LeaveReason): void {
    if (why === 'abort') this.#queue.abort(waiter);
    else this.#queue.timeOut(waiter);
    if (this.isDown) this.#serveLocally();
    this.#noticeQuiet();
  }

  /** Sets the limit of all processes. */
  resize(permits: number, usage: Usage): void {
    this.#sync.resize(permits, usage);
    this.#noticeLimit(usage);
  }

  /** Rejects the waiters of a closed object. */
  close(usage: Usage): void {
    this.#queue.close(usage);
    for (const lease of this.#prefetched.clear()) this.#return(lease);
    if (--this.#objects === 0) {
      rootClock.clearTimer(this.#keepTimer);
      this.#keepTimer = undefined;
    }
    this.#noticeQuiet();
  }

  /** Whether the object holds nothing, has no waiter, and Redis counts nothing of it any more. */
  isQuiet(usage: Usage): boolean {
    if (usage.held > 0 || usage.waiting > 0) return false;
    if (this.#sync.isForgotten) return true;
    // Nobody owns a prefetched lease, so all of them have to be back.
    if (this.shared.prefetch > 1) return this.#leases.held === 0 && this.#sync.isSettled;
    return !this.#sync.isPending(usage);
  }

  /** Calls `lifecycle.noticeIdle()` of the object when it is quiet. */
  noticeWhenQuiet(usage: Usage): void {
    this.#idling.add(usage);
    this.#noticeQuiet();
  }

  granted(waiter: RedisWaiter, grant: PublishedGrant): void {
    const { fencingToken, untilMs } = grant;
    if (!waiter.isQueued) waiter.early = grant;
    else if (fencingToken === 0) {
      this.#sync.rules = { ...this.#sync.rules, permits: untilMs };
      this.#queue.rejectTooHeavy(waiter);
    } else if (untilMs === 0) this.#sync.request(waiter);
    else {
      const since = this.#sync.localTime(untilMs) - this.shared.leaseMs;
      this.#grant(waiter, fencingToken, Math.min(since, rootClock.now()));
    }
  }

  resubscribed(): void {
    this.#queue.check();
  }

  #apply({ batch, reply, sentAt, isNewEpoch }: SyncResult): void {
    this.#leases.applyRenewals(this.#connection.id, batch, reply.lost, sentAt);
    if (isNewEpoch) this.#leases.reenter();
    let index = 0;
    for (const waiter of batch.requests) this.#answer(waiter, reply.answer(index++), sentAt);
    for (const [seq, fencingToken] of reply.promoted) {
      const waiter = this.#connection.waiter(seq);
      if (waiter === undefined) continue;
      if (waiter.receiver !== this) {
        // It belongs to a manager with other options.
        const untilMs = fencingToken === 0 ? this.permits : reply.serverNow + this.shared.leaseMs;
        waiter.receiver?.granted(waiter, { seq, fencingToken, untilMs });
      } else if (fencingToken === 0) this.#queue.rejectTooHeavy(waiter);
      else this.#grant(waiter, fencingToken, sentAt);
    }
    this.#noticeLimit();
    for (const lease of this.#prefetched.setWanted(reply.queued > 0)) this.#return(lease);
    this.#queue.watch(reply.queued > 0 ? reply.nextEndMs : Infinity);
    this.#noticeQuiet();
  }

  #answer(waiter: RedisWaiter, answer: number, sentAt: number): void {
    if (this.#prefetched.settle(waiter)) this.#keepSpare(waiter, answer, sentAt);
    else if (waiter.isOver) this.#answerGone(waiter, answer, sentAt);
    else if (answer > 0) {
      const wasQueued = waiter.isQueued;
      this.#grant(waiter, answer, sentAt);
      if (wasQueued) this.#noteLostWakeUp();
    } else if (answer === Answer.queued || answer === Answer.alreadyQueued) {
      this.#noteQueued(waiter, answer === Answer.queued);
    } else if (answer === Answer.late) {
      waiter.isInsistent = true;
      if (!this.isDown) this.#sync.request(waiter);
    } else {
      // Redis does not have it, so there is nothing to withdraw.
      waiter.isSent = false;
      if (answer === Answer.tooHeavy) this.#queue.rejectTooHeavy(waiter);
      else if (answer === Answer.notFree) this.#queue.timeOut(waiter);
      else this.#queue.rejectFull(waiter);
    }
  }

  /** The wake-up of a waiter was lost, so those of others may have been. */
  #noteLostWakeUp(): void {
    this.#queue.check();
    this.#connection.doubtWakeUps(this.#keys);
  }

  /** The waiter has left meanwhile, or this process has granted it a permit that Redis has entered now. */
  #answerGone(waiter: RedisWaiter, answer: number, sentAt: number): void {
    const { lease } = waiter;
    if (answer > 0 && lease?.isPresent === true) this.#leases.confirm(lease, sentAt);
    else if (answer > 0) this.#sync.cancel(waiter);
  }

  #keepSpare(request: RedisWaiter, fencingToken: number, sentAt: number): void {
    if (fencingToken <= 0) return;
    const lease = new Lease(request.seq, request.weight, fencingToken, true);
    this.#leases.add(lease);
    this.#leases.extend(lease, sentAt);
    if (!this.#prefetched.keep(lease)) this.#return(lease);
  }

  #noteQueued(waiter: RedisWaiter, isNew: boolean): void {
    const { early, isQueued } = waiter;
    this.#queue.setQueued(waiter);
    waiter.early = undefined;
    if (early !== undefined) this.granted(waiter, early);
    // It was queued before, so Redis has lost the queue and the others have no place any more, either.
    else if (isNew && isQueued) this.#queue.requestQueued(waiter);
  }

  /** Grants what Redis has leased to `waiter` from `since` on, unless that is over or the caller has gone. */
  #grant(waiter: RedisWaiter, fencingToken: number, since: number): void {
    if (this.#leases.isLate(since)) {
      this.#queue.setUnqueued(waiter);
      this.#sync.request(waiter);
    } else if (waiter.signal?.aborted === true) {
      // The signal may be calling other listeners first. An aborted signal never acquires.
      this.#queue.abort(waiter);
    } else {
      const lease = new Lease(waiter.seq, waiter.weight, fencingToken, true);
      this.#leases.extend(lease, since);
      this.#serve(waiter, lease);
    }
  }

  #serve(waiter: RedisWaiter, lease: Lease): void {
    const { usage } = waiter;
    if (usage === undefined) return;
    this.#queue.shift(waiter);
    waiter.lease = lease;
    waiter.grant(this.#hold(lease, usage, waiter.signal, waiter));
  }

  /** Grants permits to the head of the queue by the policy for an outage. */
  #serveLocally(): void {
    const isClosed = localPermits(this.shared, this.permits) === 0;
    let isFull = false;
    for (const waiter of this.#queue) {
      isFull ||= !this.#fitsLocally(waiter.weight);
      if (!isFull) this.#serve(waiter, new Lease(waiter.seq, waiter.weight, 0, waiter.isSent));
      else if (isClosed) this.#queue.rejectUnavailable(waiter);
      else if (waiter.isTry) this.#queue.timeOut(waiter);
    }
  }

  /** A weight above the local permits may run alone. */
  #fitsLocally(weight: number): boolean {
    const permits = localPermits(this.shared, this.permits);
    return this.#leases.held === 0 ? permits > 0 : this.#leases.held + weight <= permits;
  }

  #hold(lease: Lease, usage: Usage, signal: AbortSignal | undefined, waiter?: RedisWaiter): LeasePermit {
    this.#leases.add(lease);
    lease.usage = usage;
    usage.held += lease.weight;
    // No permit of Redis is split, so there is always an outcome.
    const onRelease = (_: number, outcome: Outcome = 'success'): void => {
      this.#release(lease, usage, outcome);
    };
    const counted = usage.lifecycle.stats.grant(lease.weight, onRelease, waiter);
    const waitedMs = waiter === undefined ? 0 : rootClock.now() - waiter.since;
    lease.permit = new LeasePermit(lease, counted, this.#leases.check, signal, waitedMs);
    if (usage.maxHoldMs !== Infinity) lease.permit.limitHold(usage.maxHoldMs, usage.lifecycle);
    return lease.permit;
  }

  #release(lease: Lease, usage: Usage, outcome: Outcome): void {
    lease.permit?.end();
    lease.permit = undefined;
    if (lease.lost !== undefined) return;
    usage.held -= lease.weight;
    usage.lifecycle.stats.release(lease.weight, outcome);
    if (!this.isDown && this.#prefetched.keep(lease)) lease.usage = undefined;
    else this.#return(lease);
  }

  /** Gives a lease back to Redis. While Redis is down the next local waiter may use its place. */
  #return(lease: Lease): void {
    this.#leases.delete(lease);
    this.#sync.release(lease);
    if (this.isDown) this.#serveLocally();
    this.#noticeQuiet();
  }

  #lose(lease: Lease): void {
    const error = new LeaseLostError('the lease has ended before the permit was released');
    const { usage } = lease;
    lease.lost = error;
    this.#prefetched.remove(lease);
    if (usage !== undefined) {
      usage.held -= lease.weight;
      usage.lifecycle.stats.release(lease.weight, 'ignore');
      usage.lifecycle.stats.countLoss('lost', lease.weight, error);
    }
    this.#return(lease);
    lease.permit?.lost(error);
  }

  #goDown(): void {
    for (const lease of this.#prefetched.clear()) this.#return(lease);
    this.#serveLocally();
    this.#noticeQuiet();
  }

  /** Enters what this process granted by itself, and asks again for its waiters. */
  #comeUp(): void {
    this.#leases.enter();
    this.#queue.requestAll();
  }

  /** Tells of a limit that has changed, and rejects the waiters above it. */
  #noticeLimit(resizedBy?: Usage): void {
    const { permits, resizes } = this.#sync.rules;
    if (resizes > 0 && this.#objects > 0) this.#keepResize();
    if (permits === this.#limit) return;
    const previous = this.#limit;
    this.#limit = permits;
    const usages = new Set(resizedBy === undefined ? [] : [resizedBy]);
    for (const { usage } of [...this.#queue, ...this.#leases.values()])
      if (usage !== undefined) usages.add(usage);
    for (const { lifecycle } of usages) lifecycle.stats.changeLimit(previous, permits);
    for (const waiter of this.#queue) if (this.isTooHeavy(waiter.weight)) this.#queue.rejectTooHeavy(waiter);
  }

  /** Asks Redis from time to time, so that a `resize` outlasts idle time while this process lives. */
  #keepResize(): void {
    this.#keepTimer ??= rootClock.setTimer(
      () => {
        this.#keepTimer = undefined;
        this.#sync.inquire();
      },
      RESIZE_KEPT_MS / 3,
      true,
    );
  }

  #noticeQuiet(): void {
    if (this.#leases.size === 0 && this.#queue.size === 0) this.#sync.leave();
    for (const usage of this.#idling) {
      if (!this.isQuiet(usage)) continue;
      this.#idling.delete(usage);
      usage.lifecycle.noticeIdle();
    }
  }
}
