import { AsyncResource } from 'node:async_hooks';
import type { Clock } from '../internal/clock.js';
import type { Limiter } from '../core/limiter.js';
import { LinkedList } from '../internal/linked-list.js';
import type { ListNode } from '../internal/linked-list.js';

/** One key that is kept. */
export interface Entry extends ListNode<Entry> {
  readonly key: string;
  readonly limiter: Limiter;
  /** Undoes one `pin`. */
  readonly unpin: () => void;
  /** Permits out and calls waiting. */
  users: number;
  idleSince: number;
}

/** What becomes of keys that are let go. */
export interface KeyMapOwner {
  /** It is in the map no more. */
  evicted(entry: Entry): void;
  /** No key is in use. */
  fellIdle(): void;
}

/**
 * The keys that are kept: one in use is pinned, an idle one leaves after `idleTtlMs`, or for a new one when there are
 * `maxKeys`. Idle keys stand in the order in which they fell idle, and one timer waits for the oldest.
 */
export class KeyMap {
  readonly #maxKeys: number;
  readonly #idleTtlMs: number;
  readonly #clock: Clock;
  readonly #owner: KeyMapOwner;
  /** The sweep's timer is armed by whoever releases; here it lets go of that one's async context. */
  readonly #context = new AsyncResource('KeyedSemaphore', { requireManualDestroy: true });

  /** Every key kept. */
  readonly #entries = new Map<string, Entry>();
  /** Those with neither holder nor waiter: the first is the one idle for longest. */
  readonly #idle = new LinkedList<Entry>();
  #sweep: unknown = undefined;
  #isClosed = false;

  constructor(maxKeys: number, idleTtlMs: number, clock: Clock, owner: KeyMapOwner) {
    this.#maxKeys = maxKeys;
    this.#idleTtlMs = idleTtlMs;
    this.#clock = clock;
    this.#owner = owner;
  }

  /** Keys kept, busy and idle. */
  get size(): number {
    return this.#entries.size;
  }

  /** How many keys have a holder or a waiter. */
  get busy(): number {
    return this.#entries.size - this.#idle.size;
  }

  /** Whether a new key can have no place. */
  get isFull(): boolean {
    return this.busy >= this.#maxKeys;
  }

  get(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  values(): IterableIterator<Entry> {
    return this.#entries.values();
  }

  /** Takes in a new key, idle until it is pinned. There must be a place, if need be that of the one idle for longest. */
  add(key: string, limiter: Limiter): Entry {
    const entry: Entry = {
      key,
      limiter,
      users: 0,
      idleSince: 0,
      previous: undefined,
      next: undefined,
      unpin: () => {
        if (--entry.users === 0) this.#fallIdle(entry);
      },
    };
    if (this.size >= this.#maxKeys && this.#idle.head !== undefined) this.#evict(this.#idle.head);
    this.#entries.set(key, entry);
    this.#idle.push(entry);
    return entry;
  }

  /** Keeps a key from leaving. */
  pin(entry: Entry): void {
    if (entry.users === 0) this.#idle.remove(entry);
    entry.users++;
  }

  /** Lets the idle keys go now, and each of the others when it falls idle. */
  close(): void {
    this.#isClosed = true;
    this.#clock.clearTimer(this.#sweep);
    for (const entry of this.#idle) this.#evict(entry);
  }

  #fallIdle(entry: Entry): void {
    if (this.#isClosed) this.#entries.delete(entry.key);
    else {
      entry.idleSince = this.#clock.now();
      this.#idle.push(entry);
      this.#armSweep();
    }
    if (this.busy === 0) this.#owner.fellIdle();
  }

  #armSweep(): void {
    const oldest = this.#idle.head;
    if (oldest === undefined || this.#sweep !== undefined || this.#idleTtlMs === Infinity) return;
    // A sum of fractions may come out above the longest delay that a timer takes.
    const delayMs = Math.min(this.#idleTtlMs, Math.max(0, Math.ceil(this.#msLeft(oldest))));
    this.#sweep = this.#context.runInAsyncScope(() =>
      this.#clock.setTimer(this.#evictExpired, delayMs, true),
    );
  }

  #msLeft(entry: Entry): number {
    return entry.idleSince + this.#idleTtlMs - this.#clock.now();
  }

  readonly #evictExpired = (): void => {
    this.#sweep = undefined;
    for (const entry of this.#idle) {
      if (this.#msLeft(entry) > 0) break;
      this.#evict(entry);
    }
    this.#armSweep();
  };

  #evict(entry: Entry): void {
    this.#idle.remove(entry);
    this.#entries.delete(entry.key);
    this.#owner.evicted(entry);
  }
}
