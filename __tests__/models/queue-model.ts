import type { Ask, Call } from './call';

/** A line in some order, told as plainly as can be: lists that are searched from end to end. */
export interface LineModel {
  /** All in line, in the order in which they came. */
  readonly waiting: readonly Call[];
  add(call: Call): void;
  /** Takes out `call`, because it is served or else because it leaves. */
  remove(call: Call, isServed: boolean): void;
  /** Who is served next. */
  first(): Call | undefined;
  /** Whether one that came now would be served before all in line. */
  isPassedBy(ask: Ask, now: number): boolean;
  /** Who is refused to make room for `ask` in a full line; nobody means: it is refused itself. */
  evictee(ask: Ask, now: number): Call | undefined;
  /** Who is refused now because the line has stood for too long. */
  overdue(now: number): Call | undefined;
  /** The time at which the head changes by itself; `Infinity` when it does not. */
  headChanges(): number;
}

abstract class ListModel implements LineModel {
  readonly waiting: Call[] = [];

  add(call: Call): void {
    this.waiting.push(call);
  }

  remove(call: Call): void {
    this.waiting.splice(this.waiting.indexOf(call), 1);
  }

  abstract first(): Call | undefined;
  abstract isPassedBy(ask: Ask, now: number): boolean;
  abstract evictee(ask: Ask, now: number): Call | undefined;
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

/** The order changes with time, but what comes of that shows when somebody comes, goes or gives back. */
export class AdaptiveLifoModel extends ListModel {
  readonly #targetMs: number;
  readonly #intervalMs: number;
  #occupiedSince = 0;
  #isStanding = false;

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
    return this.waiting.at(this.#isStanding ? -1 : 0);
  }

  isPassedBy(_: Ask, now: number): boolean {
    return this.waiting.length === 0 || this.#stands(now);
  }

  evictee(_: Ask, now: number): Call | undefined {
    return this.#stands(now) ? this.waiting[0] : undefined;
  }

  overdue(now: number): Call | undefined {
    this.#isStanding = this.waiting.length > 0 && this.#stands(now);
    if (!this.#isStanding) return undefined;
    return this.waiting.slice(0, -1).find(({ since }) => now - since > this.#targetMs);
  }

  override headChanges(): number {
    return this.waiting.length < 2 || this.#isStanding ? Infinity : this.#occupiedSince + this.#intervalMs;
  }

  #stands(now: number): boolean {
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

  isPassedBy(ask: Ask, now: number): boolean {
    return this.waiting.every(
      (other) => other.priority < ask.priority && this.#rank(other) <= this.#rank({ ...ask, since: now }),
    );
  }

  evictee({ priority }: Ask, now: number): Call | undefined {
    const lowest = Math.min(...this.waiting.map((call) => this.#rank(call)));
    if (lowest >= this.#rank({ priority, since: now })) return undefined;
    const last = this.waiting.filter((call) => this.#rank(call) === lowest);
    const level = Math.min(...last.map((call) => call.priority));
    return last.findLast((call) => call.priority === level);
  }

  overdue(): undefined {
    return undefined;
  }

  /** A level rises alike for all with time, so how long ago they came tells all. The top is above whatever rises. */
  #rank({ priority, since }: Pick<Call, 'priority' | 'since'>): number {
    return priority === 100 ? Number.MAX_VALUE : priority - since / this.#ageMs;
  }
}

/** Flows take turns; at its turn a flow gets its share, and spends or saves it. */
export class FairModel implements LineModel {
  readonly waiting: Call[] = [];
  readonly #shareOf: (flow: string) => number;
  /** Those with somebody in line, the one whose turn it is first. */
  #flows: { readonly name: string; credit: number; changedAt: number; readonly line: Call[] }[] = [];
  /** Whether the first has got its share this turn. */
  #isPaid = false;
  #changes = 0;

  constructor(shareOf: (flow: string) => number) {
    this.#shareOf = shareOf;
  }

  add(call: Call): void {
    this.waiting.push(call);
    let flow = this.#flows.find(({ name }) => name === call.flow);
    if (flow === undefined) this.#flows.push((flow = { name: call.flow, credit: 0, changedAt: 0, line: [] }));
    flow.line.push(call);
    flow.changedAt = ++this.#changes;
    this.#turn();
  }

  remove(call: Call, isServed: boolean): void {
    this.waiting.splice(this.waiting.indexOf(call), 1);
    const flow = this.#flows.find(({ name }) => name === call.flow);
    if (flow === undefined) throw new Error('no such flow');
    flow.line.splice(flow.line.indexOf(call), 1);
    flow.changedAt = ++this.#changes;
    if (isServed) flow.credit -= call.weight;
    if (flow.line.length === 0) {
      if (flow === this.#flows[0]) this.#isPaid = false;
      this.#flows = this.#flows.filter((other) => other !== flow);
    }
    this.#turn();
  }

  first(): Call | undefined {
    return this.#flows[0]?.line[0];
  }

  isPassedBy(): boolean {
    return this.waiting.length === 0;
  }

  /** The longest flow loses its latest, unless it is hardly longer than one's own; of several the one unchanged for longest. */
  evictee(ask: Ask): Call | undefined {
    const own = this.#flows.find(({ name }) => name === ask.flow)?.line.length ?? 0;
    const [longest] = [...this.#flows].sort(
      (a, b) => b.line.length - a.line.length || a.changedAt - b.changedAt,
    );
    return longest !== undefined && longest.line.length >= own + 2 ? longest.line.at(-1) : undefined;
  }

  headChanges(): number {
    return Infinity;
  }

  overdue(): undefined {
    return undefined;
  }

  #turn(): void {
    for (let flow = this.#flows[0]; flow !== undefined; flow = this.#flows[0]) {
      if (!this.#isPaid) flow.credit += this.#shareOf(flow.name);
      this.#isPaid = true;
      if (flow.credit >= (flow.line[0]?.weight ?? 0)) return;
      this.#flows.push(...this.#flows.splice(0, 1));
      this.#isPaid = false;
    }
  }
}
