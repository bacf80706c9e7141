import { ONE } from '../core/acquire-options.js';
import type { AcquireRequest } from '../core/decide.js';
import type { Permit } from '../core/limiter.js';
import { Waiter } from '../core/waiter.js';
import type { Lease, Usage } from './lease.js';
import type { PublishedGrant } from './sync/sync-reply.js';

/** The lease manager of a waiter, to which another process can grant a permit. */
export interface GrantReceiver {
  granted(waiter: RedisWaiter, grant: PublishedGrant): void;
  /** Messages may have been lost. */
  resubscribed(): void;
}

/** A caller that waits for an answer of Redis, or in the queue there. */
export class RedisWaiter extends Waiter {
  declare previous: RedisWaiter | undefined;
  declare next: RedisWaiter | undefined;
  declare readonly signal: AbortSignal | undefined;
  /** Set when it is enqueued. */
  seq = '';
  /** Its place among the waiters of its node. */
  index = -1;
  /** The object that the caller asked; `undefined` for a prefetch request, which has no caller. */
  readonly usage: Usage | undefined;
  /** Set while it is in a queue. */
  receiver: GrantReceiver | undefined;
  /** Whether it takes a permit that is free now, or none. */
  readonly isTry: boolean;
  /** Whether Redis may know of it. */
  isSent = false;
  /** Whether Redis has answered that it is queued. */
  isQueued = false;
  /** Whether it was granted or rejected. */
  isOver = false;
  /** The lease that it was granted. */
  lease: Lease | undefined;
  /** Whether Redis must answer the next request even if it arrives late. */
  isInsistent = false;
  /** A published grant that arrived before the answer to the request. */
  early: PublishedGrant | undefined;

  constructor(
    usage: Usage | undefined,
    isTry: boolean,
    request: AcquireRequest,
    signal: AbortSignal | undefined,
    resolve: (permit: Permit) => void,
    reject: (error: unknown) => void,
  ) {
    super(request, signal, 0, resolve, reject);
    this.usage = usage;
    this.isTry = isTry;
  }

  /** A request of weight 1 that never waits. */
  static forPrefetch(seq: string): RedisWaiter {
    const request = new RedisWaiter(undefined, true, ONE, undefined, ignore, ignore);
    request.seq = seq;
    return request;
  }
}

function ignore(): void {
  // A prefetch request has no caller.
}
