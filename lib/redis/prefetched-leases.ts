import type { Clock } from '../internal/clock.js';
import type { Lease } from './lease.js';
import { RedisWaiter } from './redis-waiter.js';

/** Time after which an unused lease goes back, and between two questions whether anybody waits, in milliseconds. */
const IDLE_MS = 50;

/**
 * Leases of weight 1 that this process has and no caller uses. With `prefetch` above 1 several are acquired at once and
 * kept for the next callers. None is kept while anybody waits.
 */
export class PrefetchedLeases {
  readonly #prefetch: number;
  readonly #clock: Clock;
  readonly #onIdle: (unused: readonly Lease[]) => void;
  readonly #leases: Lease[] = [];
  /** Requests for more than the callers need that have no answer yet. */
  readonly #requests = new Set<RedisWaiter>();
  /** The smallest number of leases here since the last look. */
  #fewest = 0;
  #isUsed = false;
  #isWanted = false;
  #timer: unknown;

  /** `onIdle` gets the leases that nobody has used for a while. It also asks Redis whether anybody waits. */
  constructor(prefetch: number, clock: Clock, onIdle: (unused: readonly Lease[]) => void) {
    this.#prefetch = prefetch;
    this.#clock = clock;
    this.#onIdle = onIdle;
  }

  get size(): number {
    return this.#leases.length;
  }

  /** A lease for the next caller. */
  take(): Lease | undefined {
    const lease = this.#leases.pop();
    if (lease === undefined) return undefined;
    this.#fewest = Math.min(this.#fewest, this.#leases.length);
    this.#isUsed = true;
    return lease;
  }

  /** Keeps a lease that no caller needs. Returns `false` if it has to go back. */
  keep(lease: Lease): boolean {
    if (this.#prefetch === 1 || lease.weight !== 1 || this.#isWanted || !lease.isEntered) return false;
    this.#leases.push(lease);
    this.#isUsed = true;
    this.#watch();
    return true;
  }

  /** Removes a lease that was lost. */
  remove(lease: Lease): void {
    const index = this.#leases.indexOf(lease);
    if (index >= 0) this.#leases.splice(index, 1);
  }

  /** Requests to send beside those of the callers. */
  request(nextSeq: () => string): Iterable<RedisWaiter> {
    if (this.#prefetch === 1 || this.#isWanted || this.#requests.size > 0) return [];
    while (this.#requests.size < this.#prefetch - 1) this.#requests.add(RedisWaiter.forPrefetch(nextSeq()));
    return this.#requests;
  }

  /** Whether the answered request was one of these. */
  settle(waiter: RedisWaiter): boolean {
    return this.#requests.delete(waiter);
  }

  /** Notes whether anybody waits in any process. If so, returns all leases: they have to go back. */
  setWanted(isWanted: boolean): readonly Lease[] {
    this.#isWanted = isWanted;
    return isWanted ? this.clear() : [];
  }

  /** Forgets the requests and returns all leases: they have to go back. */
  clear(): readonly Lease[] {
    this.#requests.clear();
    return this.#leases.splice(0);
  }

  #watch(): void {
    this.#timer ??= this.#clock.setTimer(this.#look, IDLE_MS, true);
  }

  readonly #look = (): void => {
    this.#timer = undefined;
    const unused = this.#leases.splice(0, this.#fewest);
    this.#fewest = this.#leases.length;
    const isOver = !this.#isUsed && this.#leases.length === 0;
    this.#isUsed = false;
    this.#onIdle(unused);
    if (!isOver) this.#watch();
  };
}
