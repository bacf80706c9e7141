import { LinkedList } from '../../internal/linked-list.js';
import type { Lease, Usage } from '../lease.js';
import { graceMsOf } from '../options.js';
import type { SharedOptions } from '../options.js';
import type { RedisWaiter } from '../redis-waiter.js';
import type { CircuitBreaker, CircuitMember } from './circuit-breaker.js';
import { rootClock } from './connection.js';
import type { Connection, Sender } from './connection.js';
import type { KeyNames } from './keys.js';
import { parseReply } from './sync-reply.js';
import type { FleetStats, Rules, SyncReply } from './sync-reply.js';
import { SyncBatch } from './sync-batch.js';
import type { Member } from './sync-batch.js';

/** Delay before the operations of a failed call are sent again, in milliseconds. */
const RETRY_MS = 25;
/**
 * Maximum number of operations of each kind in one script, so that no script occupies Redis for long. The stack of Lua
 * has room for 4 times as many.
 */
const MAX_OPERATIONS = 1_000;
/** Time between two attempts of a limit that Redis answers with errors, as a multiple of `timeoutMs`. */
const RETRY_FACTOR = 2;
/** Shortest time between two surveys of the fleet, in milliseconds. */
const SURVEY_MS = 1_000;

/** One script that was answered: its operations, its answer, and the time when it was sent. */
export interface SyncResult {
  readonly batch: SyncBatch;
  readonly reply: SyncReply;
  /** On the clock of this process. */
  readonly sentAt: number;
  /** Whether Redis has lost what it knew of the leases. */
  readonly isNewEpoch: boolean;
}

/** The reactions of a limit to its results, and to the failure and return of Redis. */
export interface SyncHandlers {
  result(result: SyncResult): void;
  down(): void;
  up(): void;
  /** Nothing is unsent or in flight, or Redis has been away until every lease has ended. */
  settled(): void;
}

/**
 * The way of one limit to Redis. It collects the operations of one turn of the event loop and sends them as one script. A
 * call that fails is sent again, until Redis counts as down; then the operations are kept.
 *
 * Two failures are told apart. If Redis does not answer, it is down for all limits of the client. If it answers this limit
 * with errors for `timeoutMs`, such as missing rights or a key of another type, only this limit is down.
 */
export class SyncClient implements CircuitMember, Sender {
  /** End of the first lease to be renewed. The most urgent sender goes first. */
  dueAt = Infinity;
  /** The limit and its version, as last heard. */
  rules: Rules;
  readonly #connection: Connection;
  readonly #circuitBreaker: CircuitBreaker;
  readonly #keys: KeyNames;
  readonly #options: SharedOptions;
  readonly #handlers: SyncHandlers;
  #batch = new SyncBatch();
  #isScheduled = false;
  #isJoined = false;
  /** The operations of the calls without an answer. */
  readonly #sent = new LinkedList<SyncBatch>();
  /** The calls that count for the connection. */
  readonly #counted = new Set<object>();
  #epoch = 0;
  /** Time when the epoch was last seen. */
  #seenAt = -Infinity;
  /** Server time less the time of this process, at most. */
  #offset: number | undefined;
  /** Since when Redis answers this limit with errors, and its last error. */
  #failingSince = -Infinity;
  #failedAt = -Infinity;
  /** The error for which only this limit is down. */
  #failure: unknown;
  #retryTimer: unknown;
  /** Time of the last answer before the present outage. */
  #awaySince: number | undefined;
  #lastReplyAt = rootClock.now();
  #forgetTimer: unknown;
  #isForgotten = false;
  #fleet: FleetStats | undefined;
  #surveyedAt = -Infinity;
  /** Time at which Redis grants again after a pause, on the clock of this process. */
  #pausedUntil = -Infinity;

  constructor(
    connection: Connection,
    keys: KeyNames,
    options: SharedOptions,
    rules: Rules,
    handlers: SyncHandlers,
  ) {
    this.#connection = connection;
    this.#circuitBreaker = connection.circuitBreaker(options.timeoutMs);
    this.#keys = keys;
    this.#options = options;
    this.rules = rules;
    this.#handlers = handlers;
  }

  get isDown(): boolean {
    return this.#circuitBreaker.isOpen || this.#failure !== undefined;
  }

  /** Why Redis counts as down. */
  get cause(): unknown {
    return this.#failure ?? this.#circuitBreaker.cause;
  }

  /** Whether Redis knows all that it has to, or an outage has outlived every lease. */
  get isSettled(): boolean {
    return (this.#sent.size === 0 && this.#batch.isEmpty) || this.#isForgotten;
  }

  /** Whether the present outage has outlived every lease that Redis knew when it began. */
  get isForgotten(): boolean {
    return this.#isForgotten;
  }

  /** Time for which Redis still makes no new grants after an outage or lost data, in milliseconds; 0 without a pause. */
  get pausedMs(): number {
    return Math.max(0, this.#pausedUntil - rootClock.now());
  }

  /** Whether an operation of this object is unsent or in flight. */
  isPending(usage: Usage): boolean {
    if (this.#batch.involves(usage)) return true;
    for (const batch of this.#sent) if (batch.involves(usage)) return true;
    return false;
  }

  /** The earliest time on the clock of this process at which the server's clock can have shown `serverMs`. */
  localTime(serverMs: number): number {
    return serverMs - (this.#offset ?? 0);
  }

  request(waiter: RedisWaiter): void {
    this.#batch.requests.add(waiter);
    this.#schedule();
  }

  /** Drops a request that is not sent. */
  drop(waiter: RedisWaiter): void {
    this.#batch.requests.delete(waiter);
  }

  release(lease: Lease): void {
    this.#batch.renewals.delete(lease);
    if (!lease.isSent) return;
    // A lease that Redis has not entered may still be in its queue.
    if (lease.isEntered) this.#batch.releases.add(lease);
    else this.#batch.cancels.add(lease);
    this.#schedule();
  }

  /** Removes a member, whether it holds or waits. */
  cancel(member: Member): void {
    this.#batch.cancels.add(member);
    this.#schedule();
  }

  /** Renews a lease, or enters one that Redis does not know. */
  renew(lease: Lease): void {
    this.#batch.renewals.add(lease);
    this.dueAt = Math.min(this.dueAt, lease.deadline);
    this.#schedule();
  }

  /** Asks for the state of the limit. */
  inquire(): void {
    if (this.isDown) return;
    this.#batch.isInquiry = true;
    this.#schedule();
  }

  /**
   * What the fleet does, as of the last survey; `undefined` while Redis is down. Each call makes sure that a survey is not
   * older than a second for long.
   */
  fleet(): FleetStats | undefined {
    const now = rootClock.now();
    if (now - this.#surveyedAt >= SURVEY_MS && !this.isDown) {
      this.#surveyedAt = now;
      this.#batch.isSurvey = true;
      this.#schedule();
    }
    return this.#fleet;
  }

  resize(permits: number, usage: Usage): void {
    this.rules = { ...this.rules, permits };
    this.#batch.resizeTo = permits;
    this.#batch.resizedBy = usage;
    this.#schedule();
  }

  /** Learns of the failure and return of Redis from now on. */
  join(): void {
    if (this.#isJoined) return;
    this.#isJoined = true;
    this.#circuitBreaker.join(this);
    this.#connection.listen();
    if (this.isDown) this.#beginOutage();
  }

  /** Undoes `join`, unless something is unsent or in flight. */
  leave(): void {
    if (!this.#isJoined || this.#sent.size > 0 || !this.#batch.isEmpty) return;
    this.#isJoined = false;
    this.#circuitBreaker.leave(this);
    this.#endOutage();
  }

  /** Resolves when Redis has run the script once. */
  ping(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#call(new SyncBatch(), resolve, reject);
    });
  }

  down(): void {
    for (const call of this.#counted) this.#connection.finished(call);
    this.#counted.clear();
    this.#fleet = undefined;
    this.#batch.dropQuestions();
    this.#beginOutage();
    this.#handlers.down();
  }

  up(): void {
    if (this.isDown) return;
    this.#endOutage();
    this.#handlers.up();
    this.#schedule();
  }

  probe(): void {
    this.#call(new SyncBatch());
  }

  send(): void {
    this.#isScheduled = false;
    if (this.isDown || this.#batch.isEmpty) return;
    if (this.#batch.isWithin(MAX_OPERATIONS)) {
      const batch = this.#batch;
      this.#batch = new SyncBatch();
      this.dueAt = Infinity;
      this.#call(batch);
    } else {
      this.#call(this.#batch.take(MAX_OPERATIONS));
      this.#updateDue();
      this.#schedule();
    }
  }

  #updateDue(): void {
    this.dueAt = Infinity;
    for (const lease of this.#batch.renewals) this.dueAt = Math.min(this.dueAt, lease.deadline);
  }

  #schedule(): void {
    this.join();
    if (this.#isScheduled || this.isDown || this.#batch.isEmpty) return;
    this.#isScheduled = true;
    this.#connection.schedule(this);
  }

  #call(batch: SyncBatch, onDone?: () => void, onFail?: (error: unknown) => void): void {
    const sentAt = rootClock.now();
    // Sent first: the next waiter does not wait for what this process notes about the call.
    const running = this.#connection.run(this.#keys, this.#write(batch, sentAt));
    const call = {};
    this.#sent.push(batch);
    this.#counted.add(call);
    this.#connection.started(call);
    this.#circuitBreaker.called(call, this);
    const finish = (): void => {
      this.#sent.remove(batch);
      this.#counted.delete(call);
      this.#connection.finished(call);
    };
    running.then(
      (reply) => {
        finish();
        this.#succeed(call, batch, parseReply(reply), sentAt);
        onDone?.();
      },
      (error: unknown) => {
        finish();
        this.#fail(call, batch, error, sentAt);
        onFail?.(error);
      },
    );
  }

  #write(batch: SyncBatch, sentAt: number): string {
    const { leaseMs, timeoutMs, queueLimit } = this.#options;
    const { permits, version, resizes } = this.rules;
    const { id, isCluster } = this.#connection;
    // Redis may have forgotten an epoch that was not used for long. That proves nothing.
    const epoch = sentAt - this.#seenAt < 2 * leaseMs ? this.#epoch : 0;
    const expected = this.#offset === undefined ? 0 : Math.round(sentAt + this.#offset);
    const away = this.#awaySince === undefined ? 0 : Math.ceil(sentAt - this.#awaySince);
    const most = queueLimit === Infinity ? -1 : queueLimit;
    const terms = [id, leaseMs, timeoutMs, graceMsOf(this.#options), most, isCluster];
    const known = [permits, version, resizes, epoch, expected, away];
    return JSON.stringify([...terms, ...known, ...batch.write(id)]);
  }

  #succeed(call: object, batch: SyncBatch, reply: SyncReply, sentAt: number): void {
    this.#lastReplyAt = rootClock.now();
    this.#failedAt = -Infinity;
    this.#circuitBreaker.answered(call);
    this.#endFailure();
    this.#awaySince = undefined;
    const isNewEpoch = this.#learn(reply, sentAt);
    this.#handlers.result({ batch, reply, sentAt, isNewEpoch });
    if (this.isSettled) this.#handlers.settled();
  }

  /** Puts the operations back. Waiters are asked about again when Redis is up. */
  #fail(call: object, batch: SyncBatch, error: unknown, sentAt: number): void {
    if (this.#connection.isReply(error)) {
      this.#circuitBreaker.answered(call);
      const now = rootClock.now();
      // Errors far apart are no row of failures.
      if (sentAt - this.#failedAt > this.#options.timeoutMs * (RETRY_FACTOR + 1)) this.#failingSince = sentAt;
      this.#failedAt = now;
      const isLong = now - this.#failingSince >= this.#options.timeoutMs;
      if (isLong || this.#failure !== undefined) this.#beginFailure(error);
    } else this.#circuitBreaker.failed(call, error);
    if (this.isDown) batch.dropQuestions();
    this.#batch.restore(batch);
    this.#updateDue();
    // The client itself keeps the process alive while it reconnects.
    rootClock.setTimer(this.#retry, RETRY_MS, true);
  }

  readonly #retry = (): void => {
    this.#schedule();
  };

  /** Returns whether Redis has begun a new epoch since this process last knew one. */
  #learn(reply: SyncReply, sentAt: number): boolean {
    const latest = reply.serverNow - sentAt;
    const earliest = reply.serverNow - rootClock.now();
    // The smallest bound is the best one, unless the server's clock was set.
    if (this.#offset === undefined || latest < this.#offset || earliest > this.#offset) this.#offset = latest;
    this.#seenAt = sentAt;
    this.#fleet = reply.fleet ?? this.#fleet;
    this.#pausedUntil = this.#lastReplyAt + reply.pausedMs;
    if (reply.rules === undefined) return false;
    const { epoch, permits, version, resizes } = reply.rules;
    this.rules = { permits, version, resizes };
    const isNewEpoch = this.#epoch !== 0 && this.#epoch !== epoch;
    this.#epoch = epoch;
    return isNewEpoch;
  }

  #beginFailure(error: unknown): void {
    const isNew = this.#failure === undefined;
    this.#failure = error;
    this.#retryTimer ??= rootClock.setTimer(
      () => {
        this.#retryTimer = undefined;
        if (this.#failure !== undefined) this.probe();
      },
      this.#options.timeoutMs * RETRY_FACTOR,
      true,
    );
    if (isNew) this.down();
  }

  #endFailure(): void {
    if (this.#failure === undefined) return;
    this.#failure = undefined;
    this.up();
  }

  #beginOutage(): void {
    this.#awaySince ??= this.#lastReplyAt;
    this.#forgetTimer ??= rootClock.setTimer(this.#forget, this.#options.leaseMs, true);
  }

  #endOutage(): void {
    this.#isForgotten = false;
    if (this.#forgetTimer !== undefined) rootClock.clearTimer(this.#forgetTimer);
    this.#forgetTimer = undefined;
  }

  readonly #forget = (): void => {
    this.#isForgotten = true;
    this.#handlers.settled();
  };
}
