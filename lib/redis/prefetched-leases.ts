import type { Clock } from '../internal/clock.js';
import type { Lease } from './lease.js';
import { RedisWaiter } from './wait-queue.js';

/** What a stock asks of others. */
export interface StockOwner {
  /** Nobody here has needed these for a while, or others stand in line for them. */
  returned(lease: Lease): void;
  /** Wants to hear from Redis if anybody stands in line. */
  inquire(): void;
}

/** How long a lease lies in stock unused before it goes back, and how often it is asked if others need it, in milliseconds. */
const IDLE_MS = 50;

/**
 * Leases of weight 1 that this node has and nobody in it uses at the moment: with a batch above 1 they are asked for
 * several at once, and kept for the next caller. While anybody stands in line, none is kept.
 */
export class PrefetchedLeases {
  readonly #batch: number;
  readonly #clock: Clock;
  readonly #owner: StockOwner;
  readonly #leases: Lease[] = [];
  /** Asks for more than was needed, not answered yet. */
  readonly #spares = new Set<RedisWaiter>();
  /** The fewest that lay here since the last look. */
  #fewest = 0;
  #isUsed = false;
  #isWanted = false;
  #timer: unknown = undefined;

  constructor(batch: number, clock: Clock, owner: StockOwner) {
    this.#batch = batch;
    this.#clock = clock;
    this.#owner = owner;
  }

  get size(): number {
    return this.#leases.length;
  }

  /** One for the next caller, if there is one. */
  take(): Lease | undefined {
    const lease = this.#leases.pop();
    if (lease === undefined) return undefined;
    this.#fewest = Math.min(this.#fewest, this.#leases.length);
    this.#isUsed = true;
    return lease;
  }

  /** Takes in a lease that nobody needs at the moment, unless it has to go back. */
  keep(lease: Lease): boolean {
    if (this.#batch === 1 || lease.weight !== 1 || this.#isWanted || !lease.isBooked) return false;
    this.#leases.push(lease);
    this.#isUsed = true;
    this.#watch();
    return true;
  }

  /** Strikes out a lease that was lost. */
  remove(lease: Lease): boolean {
    const index = this.#leases.indexOf(lease);
    if (index >= 0) this.#leases.splice(index, 1);
    return index >= 0;
  }

  /** What to ask for beyond what is needed now. */
  order(nextSeq: () => string): Iterable<RedisWaiter> {
    if (this.#batch === 1 || this.#isWanted || this.#spares.size > 0) return [];
    while (this.#spares.size < this.#batch - 1) {
      this.#spares.add(new RedisWaiter(nextSeq(), true, 1, undefined, ignore, ignore));
    }
    return this.#spares;
  }

  /** Whether the ask was for the stock; it is answered now. */
  delivers(waiter: RedisWaiter): boolean {
    return this.#spares.delete(waiter);
  }

  /** So many stand in line, of all nodes. */
  hear(waiting: number): void {
    this.#isWanted = waiting > 0;
    if (this.#isWanted) this.clear();
  }

  /** Gives back all there is, and expects nothing more. */
  clear(): void {
    this.#spares.clear();
    for (const lease of this.#leases.splice(0)) this.#owner.returned(lease);
  }

  #watch(): void {
    this.#timer ??= this.#clock.setTimer(this.#look, IDLE_MS, true);
  }

  readonly #look = (): void => {
    this.#timer = undefined;
    for (const lease of this.#leases.splice(0, this.#fewest)) this.#owner.returned(lease);
    this.#fewest = this.#leases.length;
    if (!this.#isUsed && this.#leases.length === 0) return;
    this.#isUsed = false;
    this.#owner.inquire();
    this.#watch();
  };
}

function ignore(): void {
  // Nobody waits for a spare.
}
