import { LinkedList } from '../internal/linked-list.js';
import { readOptions, unchecked } from '../internal/options.js';
import { requireFunction, requireInteger } from '../internal/validate.js';
import type { AcquireRequest, OrderQueue, QueueNode } from './order-queue.js';

/** Flows take turns, so a burst of one flow delays a single request of another by one round at most. */
export interface FairOrder {
  readonly name: 'fair';

  /** Permits of a flow in each round: an integer of at least 1. @defaultValue `1` for each flow */
  readonly share?: ((flow: string) => number) | undefined;
}

export const fair = {
  name: 'fair',
  create<Node extends QueueNode<Node>>(options: FairOrder): OrderQueue<Node> {
    const { share = () => 1 } = readOptions('the order fair', options, {
      name: unchecked,
      share: requireFunction,
    });
    return new FairQueue<Node>((flow) => {
      const permits = share(flow);
      requireInteger('what share returns', permits, 1);
      return permits;
    });
  },
} as const;

/**
 * Flows take turns; inside a flow it is first in, first out. In its turn a flow gets as many permits as its share. It
 * saves the credit that it cannot spend yet, while it has a waiter. So a flow's single waiter of weight 1 is served
 * within one round, however many waiters another flow has.
 *
 * A newcomer to a full queue evicts the last waiter of the longest flow, unless its own flow is about as long.
 *
 * Source: deficit round robin, M. Shreedhar and G. Varghese, SIGCOMM 1995. Kubernetes API Priority and Fairness shares
 * one limit in this way.
 */
export class FairQueue<Node extends QueueNode<Node>> implements OrderQueue<Node> {
  readonly isTimed = false;
  readonly #shareOf: (flow: string) => number;
  readonly #flows = new Map<string, Flow<Node>>();
  /** The flows in the order of their turns. Each has a waiter, and the first can pay for its head. */
  readonly #turns = new LinkedList<Flow<Node>>();
  /** The flow that has received its share of the current turn. */
  #paid: Flow<Node> | undefined;
  readonly #byLength = new Map<number, Set<Flow<Node>>>();
  #longest = 0;
  #size = 0;

  constructor(shareOf: (flow: string) => number) {
    this.#shareOf = shareOf;
  }

  get size(): number {
    return this.#size;
  }

  get first(): Node | undefined {
    return this.#turns.head?.waiters.head;
  }

  permitsFor(_priority: number, permits: number): number {
    return permits;
  }

  push(node: Node): void {
    const flow = this.#flows.get(node.flow) ?? this.#addFlow(node.flow);
    flow.waiters.push(node);
    this.#recount(flow, flow.waiters.size - 1);
    this.#findPayable();
  }

  shift(): void {
    const flow = this.#turns.head;
    const node = flow?.waiters.head;
    if (flow === undefined || node === undefined) return;
    flow.credit -= node.weight;
    this.remove(node);
  }

  remove(node: Node): void {
    const flow = this.#flows.get(node.flow);
    if (flow === undefined) return;
    flow.waiters.remove(node);
    this.#recount(flow, flow.waiters.size + 1);
    if (flow.waiters.size === 0) {
      this.#flows.delete(node.flow);
      this.#leaveTurn(flow);
    }
    this.#findPayable();
  }

  /** Assumes a share of 1 for all flows but the newcomer's. */
  ahead({ flow: name }: AcquireRequest): number {
    const flow = this.#flows.get(name);
    const own = flow?.waiters.size ?? 0;
    const rounds = Math.ceil((own + 1) / (flow?.share ?? 1));
    let ahead = own - Math.min(own, rounds);
    for (const [length, flows] of this.#byLength) ahead += flows.size * Math.min(length, rounds);
    return ahead;
  }

  evictee(request: AcquireRequest): Node | undefined {
    // Also reads the share of a new flow: nobody is evicted if that throws.
    const { waiters } = this.#flows.get(request.flow) ?? this.#makeFlow(request.flow);
    if (this.#longest < waiters.size + 2) return undefined;
    const [longest] = this.#byLength.get(this.#longest) ?? [];
    return longest?.waiters.tail;
  }

  overdue(): undefined {
    return undefined;
  }

  *[Symbol.iterator](): IterableIterator<Node> {
    // A copy, because turns pass on when a waiter that was yielded leaves.
    for (const { waiters } of [...this.#turns]) yield* waiters;
  }

  #addFlow(name: string): Flow<Node> {
    const flow = this.#makeFlow(name);
    this.#flows.set(name, flow);
    this.#turns.push(flow);
    return flow;
  }

  #makeFlow(name: string): Flow<Node> {
    return new Flow(this.#shareOf(name));
  }

  /** Passes the turn on until a flow can pay for its head. */
  #findPayable(): void {
    let passed = 0;
    for (let flow = this.#turns.head; flow !== undefined; flow = this.#turns.head) {
      if (this.#paid !== flow) flow.credit += flow.share;
      this.#paid = flow;
      if (flow.missing <= 0) return;
      this.#leaveTurn(flow);
      this.#turns.push(flow);
      if (++passed === this.#turns.size) this.#skipRounds();
    }
  }

  /** Adds the credit of all rounds in which no flow can pay for its head. Weights may be large. */
  #skipRounds(): void {
    let rounds = Infinity;
    for (const { missing, share } of this.#turns) rounds = Math.min(rounds, Math.ceil(missing / share) - 1);
    for (const flow of this.#turns) flow.credit += rounds * flow.share;
  }

  #leaveTurn(flow: Flow<Node>): void {
    this.#turns.remove(flow);
    if (this.#paid === flow) this.#paid = undefined;
  }

  /** Updates the counts of a flow whose length was `before`. */
  #recount(flow: Flow<Node>, before: number): void {
    const { size } = flow.waiters;
    this.#size += size - before;
    const formerPeers = this.#byLength.get(before);
    formerPeers?.delete(flow);
    if (formerPeers?.size === 0) this.#byLength.delete(before);
    const peers = this.#byLength.get(size);
    if (peers !== undefined) peers.add(flow);
    else if (size > 0) this.#byLength.set(size, new Set([flow]));
    // Lengths change by one, so the flow that left the longest length is now the longest.
    if (size > this.#longest || !this.#byLength.has(this.#longest)) this.#longest = size;
  }
}

class Flow<Node extends QueueNode<Node>> {
  previous: Flow<Node> | undefined = undefined;
  next: Flow<Node> | undefined = undefined;
  readonly waiters = new LinkedList<Node>();
  readonly share: number;
  credit = 0;

  constructor(share: number) {
    this.share = share;
  }

  /** Credit that the flow needs to pay for its head. */
  get missing(): number {
    return (this.waiters.head?.weight ?? 0) - this.credit;
  }
}
