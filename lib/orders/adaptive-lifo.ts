import { LinkedList } from '../internal/linked-list.js';
import { readOptions, unchecked } from '../internal/options.js';
import { requireDuration } from '../internal/validate.js';
import type { AcquireRequest, OrderQueue, QueueNode } from './order-queue.js';

/** First in, first out, until the queue has not been empty for `intervalMs`. Then newest first, and old waiters are rejected. */
export interface AdaptiveLifoOrder {
  readonly name: 'adaptive-lifo';

  /** Longest wait in a queue that has not been empty for `intervalMs`, in milliseconds. @defaultValue `5` */
  readonly targetMs?: number | undefined;

  /** Time without an empty queue after which the newest is first, in milliseconds. @defaultValue `100` */
  readonly intervalMs?: number | undefined;
}

export const adaptiveLifo = {
  name: 'adaptive-lifo',
  create<Node extends QueueNode<Node>>(options: AdaptiveLifoOrder): OrderQueue<Node> {
    const { targetMs = 5, intervalMs = 100 } = readOptions('the order adaptive-lifo', options, {
      name: unchecked,
      targetMs: requireDuration,
      intervalMs: requireDuration,
    });
    return new AdaptiveLifoQueue<Node>(targetMs, intervalMs);
  },
} as const;

/**
 * First in, first out, until the queue has not been empty for `intervalMs`: then it is overloaded. An overloaded queue
 * is last in, first out, and rejects waiters older than `targetMs`. So a few callers lose their place instead of all
 * callers being delayed.
 *
 * The newest waiter is never rejected, so that a free permit finds a waiter.
 *
 * Source: adaptive LIFO and controlled delay (CoDel) in B. Maurer, "Fail at Scale", ACM Queue 13(8), 2015.
 */
export class AdaptiveLifoQueue<Node extends QueueNode<Node>> implements OrderQueue<Node> {
  readonly isTimed = true;
  readonly #list = new LinkedList<Node>();
  readonly #targetMs: number;
  readonly #intervalMs: number;
  #occupiedSince = 0;
  #restartedAt = -Infinity;
  /** The state at the last `overdue`. So the order does not change between two reads of the head. */
  #isOverloaded = false;

  constructor(targetMs: number, intervalMs: number) {
    this.#targetMs = targetMs;
    this.#intervalMs = intervalMs;
  }

  get size(): number {
    return this.#list.size;
  }

  get first(): Node | undefined {
    return this.#isOverloaded ? this.#list.tail : this.#list.head;
  }

  get headChangesMs(): number {
    return this.#isOverloaded ? Infinity : this.#occupiedSince + this.#intervalMs;
  }

  permitsFor(_priority: number, permits: number): number {
    return permits;
  }

  push(node: Node): void {
    if (this.#list.size === 0) this.#occupiedSince = node.since;
    this.#list.push(node);
  }

  shift(): void {
    if (this.first !== undefined) this.#list.remove(this.first);
  }

  remove(node: Node): void {
    this.#list.remove(node);
  }

  ahead(_request: AcquireRequest, now: number): number {
    return this.#isOverloadedAt(now) ? 0 : this.#list.size;
  }

  evictee(_request: AcquireRequest, now: number): Node | undefined {
    return this.#isOverloadedAt(now) ? this.#list.head : undefined;
  }

  overdue(now: number): Node | undefined {
    this.#isOverloaded = this.#isOverloadedAt(now);
    const oldest = this.#list.head;
    if (!this.#isOverloaded || oldest === undefined || oldest === this.#list.tail) return undefined;
    return now - Math.max(oldest.since, this.#restartedAt) > this.#targetMs ? oldest : undefined;
  }

  restart(now: number): void {
    this.#occupiedSince = this.#restartedAt = now;
  }

  [Symbol.iterator](): IterableIterator<Node> {
    return this.#list[Symbol.iterator]();
  }

  #isOverloadedAt(now: number): boolean {
    return now - this.#occupiedSince >= this.#intervalMs;
  }
}
