import { LinkedList } from '../internal/linked-list.js';
import type { AcquireRequest, OrderQueue, QueueNode } from './order-queue.js';

/** The level above all others, to which nobody rises by waiting. */
export const TOP_PRIORITY = 100;

interface Level<Node extends QueueNode<Node>> {
  readonly priority: number;
  readonly line: LinkedList<Node>;
}

/**
 * The highest level first, first in, first out inside a level. Who waits rises by one level every `ageMs`, but not to
 * the top. A newcomer to a full line takes the place of the one that would be served last, if it would be served before
 * that one: who has risen above it by waiting is safe from it.
 *
 * Few levels are in use, so each operation may look at all of them.
 */
export class PriorityQueue<Node extends QueueNode<Node>> implements OrderQueue<Node> {
  readonly isTimed: boolean;
  readonly #ageMs: number;
  /** From high to low; a level stays once it has been used. */
  readonly #levels: Level<Node>[] = [];
  #size = 0;

  constructor(ageMs: number) {
    this.#ageMs = ageMs;
    this.isTimed = ageMs !== Infinity;
  }

  get size(): number {
    return this.#size;
  }

  get first(): Node | undefined {
    let first: Node | undefined;
    for (const { line } of this.#levels) {
      const { head } = line;
      if (head !== undefined && (first === undefined || this.#rankOf(head) > this.#rankOf(first)))
        first = head;
    }
    return first;
  }

  push(node: Node): void {
    this.#lineOf(node.priority).push(node);
    this.#size++;
  }

  shift(): void {
    if (this.first !== undefined) this.remove(this.first);
  }

  remove(node: Node): void {
    this.#lineOf(node.priority).remove(node);
    this.#size--;
  }

  /** Of the lower levels only the one that has waited for longest is looked at, so this may say too little. */
  ahead({ priority: own }: AcquireRequest, now: number): number {
    const rank = this.#rank(own, now);
    let ahead = 0;
    for (const { priority, line } of this.#levels) {
      if (priority >= own) ahead += line.size;
      else if (line.head !== undefined && this.#rankOf(line.head) > rank) ahead++;
    }
    return ahead;
  }

  evictee({ priority }: AcquireRequest, now: number): Node | undefined {
    let last: Node | undefined;
    for (const { line } of this.#levels) {
      const { tail } = line;
      if (tail !== undefined && (last === undefined || this.#rankOf(tail) <= this.#rankOf(last))) last = tail;
    }
    return last !== undefined && this.#rankOf(last) < this.#rank(priority, now) ? last : undefined;
  }

  overdue(): undefined {
    return undefined;
  }

  *[Symbol.iterator](): IterableIterator<Node> {
    for (const { line } of this.#levels) yield* line;
  }

  #rankOf({ priority, since }: Node): number {
    return this.#rank(priority, since);
  }

  /** The level risen to, apart from what time adds to all alike. */
  #rank(priority: number, since: number): number {
    if (priority === TOP_PRIORITY) return Infinity;
    return this.isTimed ? priority - since / this.#ageMs : priority;
  }

  #lineOf(priority: number): LinkedList<Node> {
    const index = this.#levels.findIndex((level) => level.priority <= priority);
    const found = this.#levels[index];
    if (found?.priority === priority) return found.line;
    const line = new LinkedList<Node>();
    this.#levels.splice(index === -1 ? this.#levels.length : index, 0, { priority, line });
    return line;
  }
}
