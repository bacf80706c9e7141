import { LinkedList } from '../internal/linked-list.js';
import { readOptions, unchecked } from '../internal/options.js';
import { requireFunction, requireInteger, requireObject } from '../internal/validate.js';
import type { AcquireRequest, OrderQueue, QueueNode } from './order-queue.js';
import { readShares, UNBOUNDED } from './shares.js';
import type { Holding, Share } from './shares.js';

/** Flows take turns, so a burst of one flow delays a single request of another by one round at most. */
export interface FairOrder {
  readonly name: 'fair';

  /** Permits of a flow in each round: an integer of at least 1. @defaultValue `1` for each flow */
  readonly share?: ((flow: string) => number) | undefined;

  /** Guaranteed permits and most permits, by flow. The guarantees together are at most the limit. @defaultValue `{}` */
  readonly shares?: Readonly<Record<string, Share>> | undefined;
}

export const fair = {
  name: 'fair',
  create<Node extends QueueNode<Node>>(options: FairOrder, permits: number): OrderQueue<Node> {
    const { share = () => 1, shares = {} } = readOptions('the order fair', options, {
      name: unchecked,
      share: requireFunction,
      shares: requireObject,
    });
    const shareOf = (flow: string) => {
      const credit = share(flow);
      requireInteger('what share returns', credit, 1);
      return credit;
    };
    return new FairQueue<Node>(shareOf, readShares(shares, permits));
  },
} as const;

/**
 * Flows take turns; inside a flow it is first in, first out. In its turn a flow gets as many permits as its share. It
 * saves the credit that it cannot spend yet, while it has a waiter. So a flow's single waiter of weight 1 is served
 * within one round, however many waiters another flow has.
 *
 * A flow that holds less than its guarantee is served before all others. That costs it neither turn nor credit. A flow
 * has no turn while its head would exceed its maximum. Then it loses its credit.
 *
 * A newcomer to a full queue evicts the last waiter of the longest flow, unless its own flow is about as long.
 *
 * Source: deficit round robin, M. Shreedhar and G. Varghese, SIGCOMM 1995. Kubernetes API Priority and Fairness shares
 * one limit in this way.
 */
export class FairQueue<Node extends QueueNode<Node>> implements OrderQueue<Node> {
  readonly isTimed = false;
  readonly hasShares: boolean;
  readonly #shareOf: (flow: string) => number;
  readonly #holdings: ReadonlyMap<string, Holding>;
  /** The flows with a waiter. */
  readonly #flows = new Map<string, Flow<Node>>();
  /** The flows with a turn that hold less than their guarantee, in the order of service. */
  readonly #urgent = new Set<Flow<Node>>();
  /** The flows whose head is within their maximum, in the order of turns. The first can pay for its head. */
  readonly #turns = new LinkedList<Flow<Node>>();
  /** The flow that has received its share of the current turn. */
  #paid: Flow<Node> | undefined;
  readonly #byLength = new Map<number, Set<Flow<Node>>>();
  #longest = 0;
  #size = 0;

  constructor(shareOf: (flow: string) => number, holdings: ReadonlyMap<string, Holding> = new Map()) {
    this.#shareOf = shareOf;
    this.#holdings = holdings;
    this.hasShares = holdings.size > 0;
  }

  get size(): number {
    return this.#size;
  }

  get first(): Node | undefined {
    return this.#next?.waiters.head;
  }

  /** The flow to be served next. */
  get #next(): Flow<Node> | undefined {
    if (this.#urgent.size === 0) return this.#turns.head;
    const [urgent] = this.#urgent;
    return urgent;
  }

  permitsFor(_priority: number, permits: number): number {
    return permits;
  }

  push(node: Node): void {
    const flow = this.#flows.get(node.flow) ?? this.#addFlow(node.flow);
    flow.waiters.push(node);
    this.#recount(flow, flow.waiters.size - 1);
    this.#place(flow);
  }

  shift(): void {
    const flow = this.#next;
    const node = flow?.waiters.head;
    if (flow === undefined || node === undefined) return;
    if (!this.#urgent.delete(flow)) flow.credit -= node.weight;
    this.remove(node);
    this.hold(node.flow, node.weight);
  }

  remove(node: Node): void {
    const flow = this.#flows.get(node.flow);
    if (flow === undefined) return;
    flow.waiters.remove(node);
    this.#recount(flow, flow.waiters.size + 1);
    if (flow.waiters.size === 0) this.#flows.delete(node.flow);
    this.#place(flow);
  }

  hold(name: string, weight: number): void {
    const holding = this.#holdings.get(name);
    if (holding === undefined) return;
    holding.held += weight;
    const flow = this.#flows.get(name);
    if (flow !== undefined) this.#place(flow);
  }

  maxOf(flow: string): number {
    return this.#holdingOf(flow).max;
  }

  isBelowMax({ flow, weight }: AcquireRequest): boolean {
    const { held, max } = this.#holdingOf(flow);
    return held + weight <= max;
  }

  /** Assumes a share of 1 for all flows but the newcomer's, and counts flows at their maximum as others. */
  ahead({ flow: name }: AcquireRequest): number {
    const flow = this.#flows.get(name);
    const own = flow?.waiters.size ?? 0;
    const { held, min } = this.#holdingOf(name);
    if (held < min) return Math.max(own, this.#urgent.size);
    if (this.#turns.size === 0) return own;
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

  *[Symbol.iterator](): IterableIterator<Node> {
    for (const { waiters } of this.#flows.values()) yield* waiters;
  }

  #addFlow(name: string): Flow<Node> {
    const flow = this.#makeFlow(name);
    this.#flows.set(name, flow);
    return flow;
  }

  #makeFlow(name: string): Flow<Node> {
    return new Flow(this.#shareOf(name), this.#holdingOf(name));
  }

  #holdingOf(flow: string): Readonly<Holding> {
    return this.#holdings.get(flow) ?? UNBOUNDED;
  }

  /** Gives `flow` a turn or ends it, after a change of its head or of what it holds. */
  #place(flow: Flow<Node>): void {
    const { head } = flow.waiters;
    const { held, min, max } = flow.holding;
    const hasTurn = head !== undefined && held + head.weight <= max;
    if (hasTurn && held < min) this.#urgent.add(flow);
    else this.#urgent.delete(flow);
    if (hasTurn !== flow.hasTurn) {
      flow.hasTurn = hasTurn;
      flow.credit = 0;
      if (hasTurn) this.#turns.push(flow);
      else this.#leaveTurn(flow);
    }
    this.#findPayable();
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
  previous: Flow<Node> | undefined;
  next: Flow<Node> | undefined;
  readonly waiters = new LinkedList<Node>();
  readonly share: number;
  readonly holding: Readonly<Holding>;
  hasTurn = false;
  credit = 0;

  constructor(share: number, holding: Readonly<Holding>) {
    this.share = share;
    this.holding = holding;
  }

  /** Credit that the flow needs to pay for its head. */
  get missing(): number {
    return (this.waiters.head?.weight ?? 0) - this.credit;
  }
}
