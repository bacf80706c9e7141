import { LinkedList } from '../internal/linked-list.js';
import { readOptions, unchecked } from '../internal/options.js';
import { integer, requireDuration } from '../internal/validate.js';
import type { AcquireRequest, OrderQueue, QueueNode } from './order-queue.js';

/** The highest level. No waiter rises to it by waiting. */
export const TOP_PRIORITY = 100;

/** The highest `priority` first; first in, first out inside a level. */
export interface PriorityOrder {
  readonly name: 'priority';

  /** Time after which a waiter rises by one level, in milliseconds. @defaultValue `Infinity`: never */
  readonly ageMs?: number | undefined;

  /** Permits that only the top priority, 100, may take. Others can always take one. @defaultValue `0` */
  readonly reserved?: number | undefined;
}

export const priority = {
  name: 'priority',
  create<Node extends QueueNode<Node>>(options: PriorityOrder): OrderQueue<Node> {
    const { ageMs = Infinity, reserved = 0 } = readOptions('the order priority', options, {
      name: unchecked,
      ageMs: requireDuration,
      reserved: integer(0),
    });
    return new PriorityQueue<Node>(ageMs, reserved);
  },
} as const;

interface Level<Node extends QueueNode<Node>> {
  readonly priority: number;
  readonly waiters: LinkedList<Node>;
  /** Recent waiters of this level that found others in the queue. */
  arrived: number;
}

/** Waiters served before the counts of recent arrivals are halved. */
const MEMORY = 256;
/** Standard deviations of the arrivals above that a newcomer allows for. */
const CAUTION = 0.7;
/** Low waiters that may wait for a lull, unless a low waiter is hardly ever served. */
const LULL = 2.5;

/**
 * The highest level first; first in, first out inside a level. A waiter rises by one level every `ageMs`, but not to the
 * top. A newcomer to a full queue evicts the last waiter, unless that one has risen to the newcomer's level.
 *
 * Few levels are in use, so each operation may look at all of them.
 */
export class PriorityQueue<Node extends QueueNode<Node>> implements OrderQueue<Node> {
  readonly isTimed: boolean;
  readonly hasReserve: boolean;
  readonly #ageMs: number;
  readonly #reserved: number;
  /** From high to low. A level stays once it has been used. */
  readonly #levels: Level<Node>[] = [];
  #size = 0;
  /** Recent waiters that were served. */
  #served = 0;

  constructor(ageMs: number, reserved = 0) {
    this.#ageMs = ageMs;
    this.#reserved = reserved;
    this.isTimed = ageMs !== Infinity;
    this.hasReserve = reserved > 0;
  }

  get size(): number {
    return this.#size;
  }

  get first(): Node | undefined {
    let first: Node | undefined;
    for (const { waiters } of this.#levels) {
      const { head } = waiters;
      if (head !== undefined && (first === undefined || this.#rankOf(head) > this.#rankOf(first)))
        first = head;
    }
    return first;
  }

  permitsFor(priority: number, permits: number): number {
    if (this.#reserved === 0 || priority === TOP_PRIORITY) return permits;
    return permits - Math.max(0, Math.min(this.#reserved, permits - 1));
  }

  push(node: Node): void {
    const level = this.#levelOf(node.priority);
    level.waiters.push(node);
    // The one that makes the queue is no part of the arrivals during a wait.
    if (this.#size++ > 0) level.arrived++;
  }

  shift(): void {
    if (this.first !== undefined) this.remove(this.first);
    if (++this.#served >= MEMORY) this.#scaleMemory(0.5);
  }

  remove(node: Node): void {
    this.#levelOf(node.priority).waiters.remove(node);
    this.#size--;
  }

  /**
   * Higher levels keep arriving as they have arrived lately, and overtake. Their number varies as a Poisson count does.
   * While few of them come, some low waiters are served at once, so a few may always wait.
   */
  leftFor({ priority: own }: AcquireRequest, mean: number, most: number): number {
    let above = 0;
    for (const { priority, arrived } of this.#levels) if (priority > own) above += arrived;
    if (above === 0 || this.#served === 0) return most;
    const share = Math.max(0, 1 - above / this.#served);
    const left = share * most;
    return Math.max(left - CAUTION * Math.sqrt((1 - share) * mean), Math.min(2 * left, LULL));
  }

  restart(): void {
    this.#scaleMemory(0);
  }

  /** Looks at one waiter of each lower level, the oldest, so the number may be too small. */
  ahead({ priority: own }: AcquireRequest, now: number): number {
    const rank = this.#rank(own, now);
    let ahead = 0;
    for (const { priority, waiters } of this.#levels) {
      if (priority >= own) ahead += waiters.size;
      else if (waiters.head !== undefined && this.#rankOf(waiters.head) > rank) ahead++;
    }
    return ahead;
  }

  evictee({ priority }: AcquireRequest, now: number): Node | undefined {
    let last: Node | undefined;
    for (const { waiters } of this.#levels) {
      const { tail } = waiters;
      if (tail !== undefined && (last === undefined || this.#rankOf(tail) <= this.#rankOf(last))) last = tail;
    }
    return last !== undefined && this.#rankOf(last) < this.#rank(priority, now) ? last : undefined;
  }

  *[Symbol.iterator](): IterableIterator<Node> {
    for (const { waiters } of this.#levels) yield* waiters;
  }

  #rankOf({ priority, since }: Node): number {
    return this.#rank(priority, since);
  }

  /** The level that a waiter has risen to, less what time adds to all waiters alike. */
  #rank(priority: number, since: number): number {
    if (priority === TOP_PRIORITY) return Infinity;
    return this.isTimed ? priority - since / this.#ageMs : priority;
  }

  #levelOf(priority: number): Level<Node> {
    const index = this.#levels.findIndex((level) => level.priority <= priority);
    const found = this.#levels[index];
    if (found?.priority === priority) return found;
    const level = { priority, waiters: new LinkedList<Node>(), arrived: 0 };
    this.#levels.splice(index === -1 ? this.#levels.length : index, 0, level);
    return level;
  }

  #scaleMemory(factor: number): void {
    this.#served *= factor;
    for (const level of this.#levels) level.arrived *= factor;
  }
}
