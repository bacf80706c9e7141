import type { ListNode } from '../internal/linked-list.js';

/** The part of an acquire request that an order can use. */
export interface AcquireRequest {
  /** Permits requested. */
  readonly weight: number;
  /** Level, for an order that serves higher levels first. */
  readonly priority: number;
  /** User or tenant, for an order that shares between them. */
  readonly flow: string;
}

/** A waiter. It carries its own links, so it can leave from any place in constant time. */
export interface QueueNode<Node> extends AcquireRequest, ListNode<Node> {
  /** Enqueue time in milliseconds. An order that is not timed must not read it. */
  readonly since: number;
}

/** The waiters of a limiter in some order. No operation takes longer in a long queue. */
export interface OrderQueue<Node extends QueueNode<Node>> extends Iterable<Node> {
  /** Whether the order depends on time. Another order gets 0 as `now`, because a clock read is expensive. */
  readonly isTimed: boolean;

  /** Number of waiters. */
  readonly size: number;

  /**
   * The head: the next waiter to be granted. It gathers permits until it has enough; no newcomer overtakes it, except one
   * of a flow below its guarantee. `undefined` if nobody waits, or if only flows at their maximum wait.
   */
  readonly first: Node | undefined;

  /** Whether `permitsFor` may return less than `permits`. */
  readonly hasReserve?: boolean;

  /** The part of `permits` that a request of this priority may use. */
  permitsFor(priority: number, permits: number): number;

  /** Adds `node`, which is in no queue. */
  push(node: Node): void;

  /** Removes the head, because it is served. An order with shares counts its permits as held. */
  shift(): void;

  /** Removes `node`, which is in this queue, because it leaves unserved. */
  remove(node: Node): void;

  /**
   * Number of waiters that would be served before a newcomer. It is 0 only where the newcomer would be the head, if
   * `isBelowMax` allows one.
   */
  ahead(request: AcquireRequest, now: number): number;

  /** The waiter that a newcomer evicts from a full queue; `undefined` if the newcomer is rejected instead. */
  evictee(request: AcquireRequest, now: number): Node | undefined;

  /** A waiter to reject because it has waited too long. Read after each arrival and before each grant. */
  overdue?(now: number): Node | undefined;

  /**
   * The releases that are left for a newcomer and for the waiters that are ahead of it now. Waiters that arrive later and
   * overtake it get the rest. `mean` releases are expected while it waits, and at most `most`. The default is `most`.
   */
  leftFor?(request: AcquireRequest, mean: number, most: number): number;

  /** Whether a flow may have a guarantee or a maximum. Then the limiter calls the next three methods. */
  readonly hasShares?: boolean;

  /** Counts permits of a flow: those granted past the queue, and, negative, those released. */
  hold?(flow: string, weight: number): void;

  /** The most permits that a flow may hold. */
  maxOf?(flow: string): number;

  /** Whether the flow of a newcomer may hold the requested permits, too. */
  isBelowMax?(request: AcquireRequest): boolean;

  /** Forgets what was observed: after a pause, which is no wait, and after a time without waiters. */
  restart?(now: number): void;

  /** The time at which the head changes without an arrival or a grant, in milliseconds. The default is never. */
  readonly headChangesMs?: number;
}

/** One row of the table of orders. */
export interface OrderDefinition {
  readonly name: string;

  /**
   * Creates an empty queue for a limiter of `permits`.
   *
   * @throws `TypeError` or `RangeError` for a bad option.
   */
  create<Node extends QueueNode<Node>>(options: never, permits: number): OrderQueue<Node>;
}
