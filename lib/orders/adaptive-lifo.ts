import { LinkedList } from '../internal/linked-list.js';
import type { AcquireRequest, OrderQueue, QueueNode } from './order-queue.js';

/**
 * First in, first out, until the line has not been empty for `intervalMs`; from then on last in, first out, and who
 * has waited longer than `targetMs` is refused. So an overload costs some their turn instead of delaying all.
 *
 * The last one in line is never refused: a permit that comes free finds somebody to take it.
 *
 * Source: adaptive LIFO and controlled delay (CoDel) in B. Maurer, "Fail at Scale", ACM Queue 13(8), 2015.
 */
export class AdaptiveLifoQueue<Node extends QueueNode<Node>> implements OrderQueue<Node> {
  readonly isTimed = true;
  readonly #list = new LinkedList<Node>();
  readonly #targetMs: number;
  readonly #intervalMs: number;
  #occupiedSince = 0;
  #isStanding = false;

  constructor(targetMs: number, intervalMs: number) {
    this.#targetMs = targetMs;
    this.#intervalMs = intervalMs;
  }

  get size(): number {
    return this.#list.size;
  }

  get first(): Node | undefined {
    return this.#isStanding ? this.#list.tail : this.#list.head;
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

  ahead(_ask: AcquireRequest, now: number): number {
    return this.#stands(now) ? 0 : this.#list.size;
  }

  evictee(_ask: AcquireRequest, now: number): Node | undefined {
    return this.#stands(now) ? this.#list.head : undefined;
  }

  overdue(now: number): Node | undefined {
    this.#isStanding = this.#stands(now);
    const oldest = this.#list.head;
    if (!this.#isStanding || oldest === undefined || oldest === this.#list.tail) return undefined;
    return now - oldest.since > this.#targetMs ? oldest : undefined;
  }

  [Symbol.iterator](): IterableIterator<Node> {
    return this.#list[Symbol.iterator]();
  }

  #stands(now: number): boolean {
    return now - this.#occupiedSince >= this.#intervalMs;
  }
}
