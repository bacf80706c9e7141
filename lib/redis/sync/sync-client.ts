import { systemClock } from '../../internal/clock.js';
import type { CircuitBreaker, BreakerMember } from './circuit-breaker.js';
import type { KeyNames } from './keys.js';
import type { Lease } from '../lease.js';
import type { LinkOwner } from '../link-owner.js';
import type { KeyListener, Connection } from './connection.js';
import type { ResolvedOptions } from '../options.js';
import { Outage } from '../outage.js';
import { parseReply } from './sync-reply.js';
import type { GrantMessage, SyncReply } from './sync-reply.js';
import { memberOf, SyncBatch } from './sync-batch.js';
import type { Member } from './sync-batch.js';
import type { RedisWaiter } from '../wait-queue.js';

/** How long after a call failed its operations are sent again, in milliseconds. */
const RETRY_MS = 25;

/**
 * One limit's way to Redis: it collects what happens in one turn of the event loop, and sends it as one script. What
 * fails is sent again, as every operation may safely be, until the breaker calls Redis down; then it is kept for later.
 */
export class SyncClient implements BreakerMember, KeyListener {
  readonly #node: Connection;
  readonly #breaker: CircuitBreaker;
  readonly #keys: KeyNames;
  readonly #terms: ResolvedOptions;
  readonly #owner: LinkOwner;
  #batch = new SyncBatch();
  #isScheduled = false;
  #inFlight = 0;
  #isJoined = false;
  readonly #outage: Outage;
  #epoch = 0;
  /** When the epoch was last seen, and by how much this clock was behind the server's then, at least. */
  #seenAt = -Infinity;
  #behindMs = 0;

  constructor(
    node: Connection,
    breaker: CircuitBreaker,
    keys: KeyNames,
    terms: ResolvedOptions,
    owner: LinkOwner,
  ) {
    this.#node = node;
    this.#breaker = breaker;
    this.#keys = keys;
    this.#terms = terms;
    this.#owner = owner;
    this.#outage = new Outage(terms.leaseMs, systemClock, () => {
      owner.settled();
    });
  }

  get isDown(): boolean {
    return this.#breaker.isOpen;
  }

  /** Whether Redis knows all that it has to, or has been away until every lease that it knew of has run out. */
  get isSettled(): boolean {
    return (this.#inFlight === 0 && this.#batch.isEmpty) || this.#outage.isForgotten;
  }

  /** The earliest moment by this process's clock at which the server's can have shown `serverMs`. */
  localTime(serverMs: number): number {
    return serverMs - this.#behindMs;
  }

  ask(waiter: RedisWaiter): void {
    this.#batch.asks.add(waiter);
    this.#schedule();
  }

  /** Takes out of the line, or gives back what has been granted meanwhile. */
  cancel(waiter: RedisWaiter): void {
    this.#batch.asks.delete(waiter);
    if (waiter.isSent) this.strikeOut(waiter);
  }

  giveBack(lease: Lease): void {
    this.#batch.renewals.delete(lease);
    if (!lease.isSent) return;
    // One that Redis has not granted, as far as is known, may still stand in its line.
    if (lease.isBooked) this.#batch.releases.add(lease);
    else this.#batch.cancels.add(lease);
    this.#schedule();
  }

  /** Strikes out a holder or a waiter, whichever it is by now. */
  strikeOut(member: Member): void {
    this.#batch.cancels.add(member);
    this.#schedule();
  }

  renew(lease: Lease): void {
    this.#batch.renewals.add(lease);
    this.#schedule();
  }

  /** Asks how things stand. */
  inquire(): void {
    if (this.isDown) return;
    this.#batch.isInquiry = true;
    this.#schedule();
  }

  resize(permits: number): void {
    this.#batch.resizeTo = permits;
    this.#schedule();
  }

  /** Hears from Redis from now on, and of its failure and return. */
  join(): void {
    if (this.#isJoined) return;
    this.#isJoined = true;
    this.#breaker.join(this);
    this.#node.listen(this.#keys[2], this);
    if (this.isDown) this.#outage.begin();
  }

  /** Stops hearing from Redis, as nothing is held or waited for, unless there is something left to tell it. */
  leave(): void {
    if (!this.#isJoined || this.#inFlight > 0 || !this.#batch.isEmpty) return;
    this.#isJoined = false;
    this.#breaker.leave(this);
    this.#node.unlisten(this.#keys[2], this);
    this.#outage.end();
  }

  /** Asks Redis for nothing but an answer. */
  async ping(): Promise<void> {
    const sentAt = systemClock.now();
    const reply = await new Promise<unknown>((resolve, reject) => {
      this.#call(new SyncBatch(), sentAt, resolve, reject);
    });
    this.#learn(parseReply(reply), sentAt);
  }

  granted(grants: GrantMessage['grants']): void {
    for (const [seq, fence, untilMs] of grants) {
      if (fence === 0) this.#terms.permits = untilMs;
      this.#owner.published(seq, fence, untilMs);
    }
  }

  resubscribed(): void {
    this.#owner.check();
  }

  down(): void {
    this.#batch.dropQuestions();
    this.#outage.begin();
    this.#owner.down();
  }

  up(): void {
    this.#outage.end();
    this.#owner.up();
    this.#schedule();
  }

  probe(): void {
    // The breaker sees what comes of it.
    this.ping().catch(() => undefined);
  }

  #schedule(delayMs = 0): void {
    this.join();
    if (this.#isScheduled || this.isDown) return;
    this.#isScheduled = true;
    this.#node.detached(() => {
      if (delayMs > 0) systemClock.setTimer(this.#flush, delayMs);
      else setImmediate(this.#flush);
    });
  }

  readonly #flush = (): void => {
    this.#isScheduled = false;
    if (this.isDown || this.#batch.isEmpty) return;
    const batch = this.#batch;
    this.#batch = new SyncBatch();
    this.#send(batch);
  };

  #send(batch: SyncBatch): void {
    const sentAt = systemClock.now();
    this.#inFlight++;
    const onReply = (reply: unknown): void => {
      this.#inFlight--;
      this.#apply(batch, parseReply(reply), sentAt);
      if (this.isSettled) this.#owner.settled();
    };
    const onError = (): void => {
      this.#inFlight--;
      // Who still waits when it is up asks again.
      if (this.isDown) batch.dropQuestions();
      this.#batch.takeBack(batch);
      this.#schedule(RETRY_MS);
    };
    this.#call(batch, sentAt, onReply, onError);
  }

  #call(
    batch: SyncBatch,
    sentAt: number,
    onReply: (reply: unknown) => void,
    onError: (error: unknown) => void,
  ): void {
    const { leaseMs, claimMs, permits, version, queueLimit } = this.#terms;
    const id = this.#node.id;
    // An epoch that Redis may have forgotten for want of use proves nothing.
    const epoch = sentAt - this.#seenAt < 2 * leaseMs ? this.#epoch : 0;
    const most = queueLimit === Infinity ? -1 : queueLimit;
    const told = [id, leaseMs, claimMs, permits, version, epoch, most, ...batch.write(id)];
    const called = this.#node.sync(this.#keys, [JSON.stringify(told)]);
    this.#breaker.watch(this, sentAt, called, onReply, onError);
  }

  #learn(reply: SyncReply, sentAt: number): void {
    this.#behindMs = reply.serverNow - sentAt;
    this.#seenAt = sentAt;
    if (reply.rules === undefined) return;
    const { epoch, limit, version } = reply.rules;
    this.#terms.permits = limit;
    this.#terms.version = version;
    const isOther = this.#epoch !== 0 && this.#epoch !== epoch;
    this.#epoch = epoch;
    if (isOther) this.#owner.reassert();
  }

  #apply(batch: SyncBatch, reply: SyncReply, sentAt: number): void {
    if (batch.renewals.size > 0) this.#applyRenewals(batch, reply, sentAt);
    this.#learn(reply, sentAt);
    let asks = 0;
    for (const waiter of batch.asks) this.#owner.answered(waiter, reply.answer(asks++), sentAt);
    for (const [seq, fence] of reply.promoted) this.#owner.promoted(seq, fence, sentAt);
    this.#owner.synced(reply);
  }

  #applyRenewals({ renewals }: SyncBatch, reply: SyncReply, sentAt: number): void {
    const lost = new Set(reply.lost);
    for (const lease of renewals) {
      if (lost.has(memberOf(this.#node.id, lease))) this.#owner.lost(lease.seq);
      else this.#owner.renewed(lease, sentAt);
    }
  }
}
