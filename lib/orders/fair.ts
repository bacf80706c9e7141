import { LinkedList } from '../internal/linked-list.js';
import type { AcquireRequest, OrderQueue, QueueNode } from './order-queue.js';

/**
 * Flows take turns; inside a flow it is first in, first out. Each turn a flow gets as many permits as its share says,
 * and what it cannot spend yet it saves while it has somebody in line. So a flow's single waiter of weight 1 is
 * served within one round, however many waiters another flow has.
 *
 * A newcomer to a full line takes the place of the latest of the longest flow, unless its own is about as long.
 *
 * Source: deficit round robin, M. Shreedhar and G. Varghese, SIGCOMM 1995; the use before one shared limit is that
 * of Kubernetes API Priority and Fairness.
 */
export class FairQueue<Node extends QueueNode<Node>> implements OrderQueue<Node> {
  readonly isTimed = false;
  readonly #shareOf: (flow: string) => number;
  readonly #flows = new Map<string, Flow<Node>>();
  /** The flows in order of their turns; each has somebody in line, and the head of the first can be paid. */
  readonly #turns = new LinkedList<Flow<Node>>();
  /** The flow that has had what this turn gives it. */
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
    return this.#turns.head?.line.head;
  }

  push(node: Node): void {
    const flow = this.#flows.get(node.flow) ?? this.#addFlow(node.flow);
    flow.line.push(node);
    this.#recount(flow, flow.line.size - 1);
    this.#findPayable();
  }

  shift(): void {
    const flow = this.#turns.head;
    const node = flow?.line.head;
    if (flow === undefined || node === undefined) return;
    flow.credit -= node.weight;
    this.remove(node);
  }

  remove(node: Node): void {
    const flow = this.#flows.get(node.flow);
    if (flow === undefined) return;
    flow.line.remove(node);
    this.#recount(flow, flow.line.size + 1);
    if (flow.line.size === 0) {
      this.#flows.delete(node.flow);
      this.#leaveTurn(flow);
    }
    this.#findPayable();
  }

  /** Takes all flows but its own to have a share of 1. */
  ahead({ flow: name }: AcquireRequest): number {
    const flow = this.#flows.get(name);
    const own = flow?.line.size ?? 0;
    const rounds = Math.ceil((own + 1) / (flow?.share ?? 1));
    let ahead = own - Math.min(own, rounds);
    for (const [length, flows] of this.#byLength) ahead += flows.size * Math.min(length, rounds);
    return ahead;
  }

  evictee(ask: AcquireRequest): Node | undefined {
    // A new flow is made, too: nobody is to make room for one whose share cannot be told.
    const { line } = this.#flows.get(ask.flow) ?? this.#makeFlow(ask.flow);
    if (this.#longest < line.size + 2) return undefined;
    const [longest] = this.#byLength.get(this.#longest) ?? [];
    return longest?.line.tail;
  }

  overdue(): undefined {
    return undefined;
  }

  *[Symbol.iterator](): IterableIterator<Node> {
    // A copy, because turns pass on while those just yielded leave.
    for (const { line } of [...this.#turns]) yield* line;
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

  /** Passes the turn on until the one whose turn it is can be paid. */
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

  /** Gives all flows at once what they get in the rounds to come in which none can be paid: weights may be large. */
  #skipRounds(): void {
    let rounds = Infinity;
    for (const { missing, share } of this.#turns) rounds = Math.min(rounds, Math.ceil(missing / share) - 1);
    for (const flow of this.#turns) flow.credit += rounds * flow.share;
  }

  #leaveTurn(flow: Flow<Node>): void {
    this.#turns.remove(flow);
    if (this.#paid === flow) this.#paid = undefined;
  }

  /** Keeps count of a flow whose length was `before`. */
  #recount(flow: Flow<Node>, before: number): void {
    const { size } = flow.line;
    this.#size += size - before;
    const formerPeers = this.#byLength.get(before);
    formerPeers?.delete(flow);
    if (formerPeers?.size === 0) this.#byLength.delete(before);
    const peers = this.#byLength.get(size);
    if (peers !== undefined) peers.add(flow);
    else if (size > 0) this.#byLength.set(size, new Set([flow]));
    // Lengths change by one: where the longest were, its length is now the longest.
    if (size > this.#longest || !this.#byLength.has(this.#longest)) this.#longest = size;
  }
}

class Flow<Node extends QueueNode<Node>> {
  previous: Flow<Node> | undefined = undefined;
  next: Flow<Node> | undefined = undefined;
  readonly line = new LinkedList<Node>();
  readonly share: number;
  credit = 0;

  constructor(share: number) {
    this.share = share;
  }

  /** What the first in line weighs beyond the flow's credit. */
  get missing(): number {
    return (this.line.head?.weight ?? 0) - this.credit;
  }
}
