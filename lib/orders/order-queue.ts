import type { ListNode } from '../internal/linked-list.js';

/** What an order may look at in one that waits, or asks to. */
export interface AcquireRequest {
  /** Permits asked for. */
  readonly weight: number;
  /** Level; a higher one goes first where the order cares. */
  readonly priority: number;
  /** Whose ask it is, where the order shares out between flows. */
  readonly flow: string;
}

/** One in line. It carries its own links, so it can leave from anywhere in constant time. */
export interface QueueNode<Node> extends AcquireRequest, ListNode<Node> {
  /** When it came, in milliseconds, if the order is timed. */
  readonly since: number;
}

/** The line before a limiter, in some order. No operation takes longer because the line is long. */
export interface OrderQueue<Node extends QueueNode<Node>> extends Iterable<Node> {
  /** Whether time matters: an order that is not timed is told of none. */
  readonly isTimed: boolean;

  /** How many stand in line. */
  readonly size: number;

  /** Who is served next. Nobody overtakes a first that came under the same order: it gathers permits until it has enough. */
  readonly first: Node | undefined;

  /** Lets `node`, which is in no queue, stand in line. */
  push(node: Node): void;

  /** Takes the first out, because it is served. */
  shift(): void;

  /** Takes `node`, which is in this queue, out, because it leaves unserved. */
  remove(node: Node): void;

  /** How many of those in line would be served before one that came now; exactly 0 where it would be the first. */
  ahead(ask: AcquireRequest, now: number): number;

  /** Who makes room for `ask` when no more may wait; `undefined` where that is refused itself. */
  evictee(ask: AcquireRequest, now: number): Node | undefined;

  /** Who is to be refused by now rather than wait on; a timed order is asked after each arrival and before each grant. */
  overdue(now: number): Node | undefined;
}
