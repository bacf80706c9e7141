import assert from 'node:assert/strict';
import type { Request, Call } from './call';

/** A queue in one order, as simple as possible: lists that are searched from end to end. */
export interface QueueModel {
  /** All waiters, in the order of arrival. */
  readonly waiting: readonly Call[];
  add(call: Call): void;
  /** Removes `call`, because it is served or because it leaves. */
  remove(call: Call, isServed: boolean): void;
  /** The head. */
  first(): Call | undefined;
  /** Whether a newcomer would be served before all waiters. */
  isPassedBy(request: Request, now: number): boolean;
  /** The waiter that a full queue evicts for `request`; `undefined` rejects the request. */
  evictee(request: Request, now: number): Call | undefined;
  /** A waiter to reject because the queue has lasted for too long. */
  overdue(now: number): Call | undefined;
  /** The time at which the head changes by itself; `Infinity` when it does not. */
  headChanges(): number;
  /** A pause has ended. */
  resume?(now: number): void;
  /** `call` has got its permits, or has released them. */
  hold?(call: Call, isGrant: boolean): void;
  /** The most permits that the flow of `request` may hold. The default is no maximum. */
  maxOf?(request: Request): number;
}

abstract class ListModel implements QueueModel {
  readonly waiting: Call[] = [];

  add(call: Call): void {
    this.waiting.push(call);
  }

  remove(call: Call): void {
    this.waiting.splice(this.waiting.indexOf(call), 1);
  }

  abstract first(): Call | undefined;
  abstract isPassedBy(request: Request, now: number): boolean;
  abstract evictee(request: Request, now: number): Call | undefined;
  abstract overdue(now: number): Call | undefined;

  headChanges(): number {
    return Infinity;
  }
}

export class FifoModel extends ListModel {
  first(): Call | undefined {
    return this.waiting[0];
  }

  isPassedBy(): boolean {
    return this.waiting.length === 0;
  }

  evictee(): undefined {
    return undefined;
  }

  overdue(): undefined {
    return undefined;
  }
}

export class LifoModel extends ListModel {
  first(): Call | undefined {
    return this.waiting.at(-1);
  }

  isPassedBy(): boolean {
    return true;
  }

  evictee(): Call | undefined {
    return this.waiting[0];
  }

  overdue(): undefined {
    return undefined;
  }
}

/** The order changes with time. The change takes effect at the next arrival, departure or release. */
export class AdaptiveLifoModel extends ListModel {
  readonly #targetMs: number;
  readonly #intervalMs: number;
  #occupiedSince = 0;
  #resumedAt = 0;
  #hasLasted = false;

  constructor(targetMs: number, intervalMs: number) {
    super();
    this.#targetMs = targetMs;
    this.#intervalMs = intervalMs;
  }

  override add(call: Call): void {
    if (this.waiting.length === 0) this.#occupiedSince = call.since;
    super.add(call);
  }

  first(): Call | undefined {
    return this.waiting.at(this.#hasLasted ? -1 : 0);
  }

  isPassedBy(_: Request, now: number): boolean {
    return this.waiting.length === 0 || this.#lasts(now);
  }

  evictee(_: Request, now: number): Call | undefined {
    return this.#lasts(now) ? this.waiting[0] : undefined;
  }

  overdue(now: number): Call | undefined {
    this.#hasLasted = this.waiting.length > 0 && this.#lasts(now);
    if (!this.#hasLasted) return undefined;
    const lateBefore = now - this.#targetMs;
    return this.waiting.slice(0, -1).find(({ since }) => Math.max(since, this.#resumedAt) < lateBefore);
  }

  override headChanges(): number {
    return this.waiting.length < 2 || this.#hasLasted ? Infinity : this.#occupiedSince + this.#intervalMs;
  }

  resume(now: number): void {
    this.#resumedAt = this.#occupiedSince = now;
  }

  #lasts(now: number): boolean {
    return this.waiting.length > 0 && now - this.#occupiedSince >= this.#intervalMs;
  }
}

export class PriorityModel extends ListModel {
  readonly #ageMs: number;

  constructor(ageMs: number) {
    super();
    this.#ageMs = ageMs;
  }

  first(): Call | undefined {
    return [...this.waiting].sort((a, b) => this.#rank(b) - this.#rank(a) || b.priority - a.priority)[0];
  }

  isPassedBy(request: Request, now: number): boolean {
    return this.waiting.every(
      (other) =>
        other.priority < request.priority && this.#rank(other) <= this.#rank({ ...request, since: now }),
    );
  }

  evictee({ priority }: Request, now: number): Call | undefined {
    const lowest = Math.min(...this.waiting.map((call) => this.#rank(call)));
    if (lowest >= this.#rank({ priority, since: now })) return undefined;
    const last = this.waiting.filter((call) => this.#rank(call) === lowest);
    const level = Math.min(...last.map((call) => call.priority));
    return last.findLast((call) => call.priority === level);
  }

  overdue(): undefined {
    return undefined;
  }

  /** All levels rise at one rate, so the time of arrival decides. The top level is above all that rise. */
  #rank({ priority, since }: Pick<Call, 'priority' | 'since'>): number {
    return priority === 100 ? Number.MAX_VALUE : priority - since / this.#ageMs;
  }
}

interface FlowModel {
  readonly name: string;
  credit: number;
  changedAt: number;
  readonly queue: Call[];
}

/** Guarantee and maximum of each flow. */
export type ShareModel = Readonly<Record<string, { readonly min: number; readonly max: number }>>;

/**
 * Flows take turns. At its turn a flow gets its share and spends or saves it. A flow below its guarantee is before all
 * others, and a flow at its maximum has no turn.
 */
export class FairModel implements QueueModel {
  readonly waiting: Call[] = [];
  readonly #shareOf: (flow: string) => number;
  readonly #shares: ShareModel;
  readonly #held = new Map<string, number>();
  /** Flows with waiters. */
  #all: FlowModel[] = [];
  /** Flows whose head is within their maximum. The first one has the turn. */
  #flows: FlowModel[] = [];
  /** Flows of them that are below their guarantee, in the order of service. */
  #urgent: FlowModel[] = [];
  /** Whether the first flow has got its share in this turn. */
  #isPaid = false;
  #changes = 0;

  constructor(shareOf: (flow: string) => number, shares: ShareModel = {}) {
    this.#shareOf = shareOf;
    this.#shares = shares;
  }

  add(call: Call): void {
    this.waiting.push(call);
    let flow = this.#all.find(({ name }) => name === call.flow);
    if (flow === undefined) this.#all.push((flow = { name: call.flow, credit: 0, changedAt: 0, queue: [] }));
    flow.queue.push(call);
    flow.changedAt = ++this.#changes;
    this.#place(flow);
  }

  remove(call: Call, isServed: boolean): void {
    this.waiting.splice(this.waiting.indexOf(call), 1);
    const flow = this.#all.find(({ name }) => name === call.flow);
    if (flow === undefined) throw new Error('no such flow');
    flow.queue.splice(flow.queue.indexOf(call), 1);
    flow.changedAt = ++this.#changes;
    if (isServed && flow !== this.#urgent[0]) flow.credit -= call.weight;
    // The next of equals that are below their guarantee is another one.
    if (isServed) this.#urgent = this.#urgent.filter((other) => other !== flow);
    if (flow.queue.length === 0) this.#all = this.#all.filter((other) => other !== flow);
    this.#place(flow);
  }

  first(): Call | undefined {
    return (this.#urgent[0] ?? this.#flows[0])?.queue[0];
  }

  isPassedBy(request: Request): boolean {
    if (!this.#isInMax(request) || this.waiting.some(({ flow }) => flow === request.flow)) return false;
    return this.#isBelowMin(request.flow) ? this.#urgent.length === 0 : this.#flows.length === 0;
  }

  hold(call: Call, isGrant: boolean): void {
    if (isGrant) this.#checkPromise(call);
    this.#held.set(call.flow, this.#heldBy(call.flow) + (isGrant ? call.weight : -call.weight));
    const flow = this.#all.find(({ name }) => name === call.flow);
    if (flow !== undefined) this.#place(flow);
  }

  maxOf({ flow }: Request): number {
    return this.#shares[flow]?.max ?? Infinity;
  }

  /** The newest of the longest flow, if that is longer by 2 at least. Of equals, the flow unchanged for longest. */
  evictee(request: Request): Call | undefined {
    const own = this.#all.find(({ name }) => name === request.flow)?.queue.length ?? 0;
    const [longest] = [...this.#all].sort(
      (a, b) => b.queue.length - a.queue.length || a.changedAt - b.changedAt,
    );
    return longest !== undefined && longest.queue.length >= own + 2 ? longest.queue.at(-1) : undefined;
  }

  headChanges(): number {
    return Infinity;
  }

  overdue(): undefined {
    return undefined;
  }

  /** A grant exceeds no maximum, and passes no waiter of a flow below its guarantee unless its own flow is below, too. */
  #checkPromise(granted: Call): void {
    assert(this.#isInMax(granted), `${granted.flow} is above its maximum`);
    if (this.#isBelowMin(granted.flow)) return;
    const heads = new Map(this.waiting.toReversed().map((call) => [call.flow, call]));
    for (const [name, head] of heads)
      assert(!this.#isBelowMin(name) || !this.#isInMax(head), `${granted.flow} has passed ${name}`);
  }

  #heldBy(flow: string): number {
    return this.#held.get(flow) ?? 0;
  }

  #isBelowMin(flow: string): boolean {
    return this.#heldBy(flow) < (this.#shares[flow]?.min ?? 0);
  }

  #isInMax(request: Request): boolean {
    return this.#heldBy(request.flow) + request.weight <= this.maxOf(request);
  }

  #place(flow: FlowModel): void {
    const hasTurn = flow.queue[0] !== undefined && this.#isInMax(flow.queue[0]);
    if (!hasTurn || !this.#isBelowMin(flow.name))
      this.#urgent = this.#urgent.filter((other) => other !== flow);
    else if (!this.#urgent.includes(flow)) this.#urgent.push(flow);
    if (hasTurn !== this.#flows.includes(flow)) {
      flow.credit = 0;
      if (flow === this.#flows[0]) this.#isPaid = false;
      if (hasTurn) this.#flows.push(flow);
      else this.#flows = this.#flows.filter((other) => other !== flow);
    }
    this.#turn();
  }

  #turn(): void {
    for (let flow = this.#flows[0]; flow !== undefined; flow = this.#flows[0]) {
      if (!this.#isPaid) flow.credit += this.#shareOf(flow.name);
      this.#isPaid = true;
      if (flow.credit >= (flow.queue[0]?.weight ?? 0)) return;
      this.#flows.push(...this.#flows.splice(0, 1));
      this.#isPaid = false;
    }
  }
}
