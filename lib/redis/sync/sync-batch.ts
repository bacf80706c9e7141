import type { ListNode } from '../../internal/linked-list.js';
import type { Lease, Usage } from '../lease.js';
import type { RedisWaiter } from '../redis-waiter.js';

/** The common part of a holder and a waiter. */
export interface Member {
  /** Unique within its node. */
  readonly seq: string;
  readonly weight: number;
  /** The object that it belongs to; `undefined` if it is prefetched. */
  readonly usage: Usage | undefined;
}

/** The operations of one limit that wait for the next script. Redis may safely run each of them twice. */
export class SyncBatch implements ListNode<SyncBatch> {
  previous: SyncBatch | undefined;
  next: SyncBatch | undefined;
  /** Leases to give back. */
  readonly releases = new Set<Lease>();
  /** Members to remove, whether they hold or wait. */
  readonly cancels = new Set<Member>();
  /** Leases to renew. A lease that Redis has not entered is entered. */
  readonly renewals = new Set<Lease>();
  /** Requests for a permit. */
  readonly requests = new Set<RedisWaiter>();
  /** The new limit, and the object that set it. */
  resizeTo: number | undefined;
  resizedBy: Usage | undefined;
  /** Whether the answer is needed although there is nothing to do. */
  isInquiry = false;
  /** Whether the answer is to count the holders, waiters and nodes of the fleet. */
  isSurvey = false;

  get isEmpty(): boolean {
    const { releases, cancels, renewals, requests } = this;
    const count = releases.size + cancels.size + renewals.size + requests.size;
    return count === 0 && this.resizeTo === undefined && !this.isInquiry && !this.isSurvey;
  }

  /** Whether it has at most `most` operations of each kind. */
  isWithin(most: number): boolean {
    const { releases, cancels, renewals, requests } = this;
    return Math.max(releases.size, cancels.size, renewals.size, requests.size) <= most;
  }

  /** Whether an operation belongs to this object. */
  involves(usage: Usage): boolean {
    if (this.resizedBy === usage) return true;
    for (const members of [this.releases, this.cancels, this.requests]) {
      for (const member of members) if (member.usage === usage) return true;
    }
    return false;
  }

  /** Moves at most `most` operations of each kind into a batch of their own. The oldest go first. */
  take(most: number): SyncBatch {
    const taken = new SyncBatch();
    move(this.releases, taken.releases, most);
    move(this.cancels, taken.cancels, most);
    move(this.renewals, taken.renewals, most);
    move(this.requests, taken.requests, most);
    taken.resizeTo = this.resizeTo;
    taken.resizedBy = this.resizedBy;
    taken.isInquiry = this.isInquiry;
    taken.isSurvey = this.isSurvey;
    this.resizeTo = this.resizedBy = undefined;
    this.isInquiry = this.isSurvey = false;
    return taken;
  }

  /** The arguments of the script. From now on Redis may know of all members in it. */
  write(node: string): unknown[] {
    const releases: string[] = [];
    const requests: string[] = [];
    let modes = '';
    let releasedWeight = 0;
    let requestedWeight = 0;
    let hasPriority = false;
    for (const lease of this.releases) {
      releases.push(memberOf(node, lease));
      releasedWeight += lease.weight;
    }
    for (const waiter of this.requests) {
      requests.push(memberOf(node, waiter));
      modes += modeOf(waiter);
      requestedWeight += waiter.weight;
      hasPriority ||= waiter.priority !== 0;
      waiter.isSent = true;
    }
    const usual = [releases, releasedWeight, requests, modes, requestedWeight];
    const isUsual = this.renewals.size + this.cancels.size === 0 && this.resizeTo === undefined;
    return isUsual && !this.isSurvey && !hasPriority
      ? usual
      : [...usual, ...this.#writeRest(node, hasPriority)];
  }

  #writeRest(node: string, hasPriority: boolean): unknown[] {
    const renewals: string[] = [];
    const entries: string[] = [];
    for (const lease of this.renewals) {
      (lease.isEntered ? renewals : entries).push(memberOf(node, lease));
      lease.isSent = true;
    }
    const cancels = Array.from(this.cancels, (member) => memberOf(node, member));
    const priorities = hasPriority && Array.from(this.requests, ({ priority }) => priority);
    return [renewals, entries, cancels, this.resizeTo ?? -1, this.isSurvey ? 1 : 0, priorities];
  }

  /** Drops what is of no use while Redis is down. */
  dropQuestions(): void {
    this.requests.clear();
    this.isInquiry = this.isSurvey = false;
  }

  /** Adds the operations of a batch that failed, before the newer ones. Those that are obsolete stay out. */
  restore(failed: SyncBatch): void {
    if (this.resizeTo === undefined) {
      this.resizeTo = failed.resizeTo;
      this.resizedBy = failed.resizedBy;
    }
    this.isInquiry ||= failed.isInquiry;
    this.isSurvey ||= failed.isSurvey;
    for (const lease of failed.releases) this.releases.add(lease);
    for (const member of failed.cancels) this.cancels.add(member);
    for (const lease of failed.renewals) {
      const isGone = lease.lost !== undefined || this.releases.has(lease) || this.cancels.has(lease);
      if (!isGone) this.renewals.add(lease);
    }
    const newer = [...this.requests];
    this.requests.clear();
    for (const waiter of failed.requests) if (!waiter.isOver) this.requests.add(waiter);
    for (const waiter of newer) this.requests.add(waiter);
  }
}

/** The name of a holder or waiter of a node in Redis. */
export function memberOf(node: string, { seq, weight }: Member): string {
  return `${node}.${seq}.${weight}`;
}

/** `t` takes a free permit or none, `w` waits. In upper case the request counts even if it arrives late. */
function modeOf({ isTry, isInsistent }: RedisWaiter): string {
  const mode = isTry ? 't' : 'w';
  return isInsistent ? mode.toUpperCase() : mode;
}

function move<Item>(from: Set<Item>, to: Set<Item>, most: number): void {
  for (const item of from) {
    if (to.size === most) return;
    to.add(item);
    from.delete(item);
  }
}
