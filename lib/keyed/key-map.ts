import { isIPv6 } from 'node:net';
import type { Limiter } from '../core/limiter.js';
import type { Clock } from '../internal/clock.js';
import { LinkedList } from '../internal/linked-list.js';
import type { ListNode } from '../internal/linked-list.js';
import { runInRootContext } from '../internal/root-context.js';
import { warnOnce } from '../internal/warn.js';

/** A key that is kept. */
export interface Entry extends ListNode<Entry> {
  readonly key: string;
  readonly limiter: Limiter;
  /** Ends one use of the key. */
  readonly unpin: () => void;
  /** Held permits and waiting calls. The key is busy while there are any. */
  users: number;
  /** Start of the idle time, on the map's clock. */
  idleSince: number;
}

/** Called by a `KeyMap`. Both may run code of the caller that uses the map again. */
export interface KeyMapEvents {
  /** The entry has left the map. */
  evicted(entry: Entry): void;
  /** No key is busy. */
  fellIdle(): void;
}

/**
 * The keys that are kept. A busy key is never evicted. An idle key is evicted after `idleTtlMs`, or for a new key when
 * there are `maxKeys`. One timer waits for the key that has been idle for longest.
 *
 * Invariant: when foreign code runs, the map is consistent, and the caller's own entry is pinned.
 */
export class KeyMap {
  readonly #maxKeys: number;
  readonly #idleTtlMs: number;
  readonly #clock: Clock;
  readonly #events: KeyMapEvents;

  readonly #entries = new Map<string, Entry>();
  /** Idle keys; the head has been idle for longest. */
  readonly #idle = new LinkedList<Entry>();
  #sweep: unknown;
  #isClosed = false;

  constructor(maxKeys: number, idleTtlMs: number, clock: Clock, events: KeyMapEvents) {
    this.#maxKeys = maxKeys;
    this.#idleTtlMs = idleTtlMs;
    this.#clock = clock;
    this.#events = events;
  }

  /** Number of keys, busy and idle. */
  get size(): number {
    return this.#entries.size;
  }

  /** Number of busy keys. */
  get busy(): number {
    return this.#entries.size - this.#idle.size;
  }

  /** Whether there is no place for a new key. */
  get isFull(): boolean {
    return this.busy >= this.#maxKeys;
  }

  get(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  values(): IterableIterator<Entry> {
    return this.#entries.values();
  }

  /** Adds a new key and pins it. The map must not be full; an idle key may be evicted. */
  add(key: string, limiter: Limiter): Entry {
    warnOfAddress(key);
    const entry: Entry = {
      key,
      limiter,
      users: 1,
      idleSince: 0,
      previous: undefined,
      next: undefined,
      unpin: () => {
        if (--entry.users === 0) this.#fallIdle(entry);
      },
    };
    this.#entries.set(key, entry);
    // Last, because closing its limiter runs foreign code.
    if (this.size > this.#maxKeys && this.#idle.head !== undefined) this.#evict(this.#idle.head);
    return entry;
  }

  /** Starts one use of the key. */
  pin(entry: Entry): void {
    if (entry.users === 0) this.#idle.remove(entry);
    entry.users++;
  }

  /** Evicts the key if it is idle. Returns whether it did. */
  delete(key: string): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.users > 0) return false;
    this.#evict(entry);
    return true;
  }

  /** Evicts the idle keys now, and each busy key when it falls idle. */
  close(): void {
    this.#isClosed = true;
    if (this.#sweep !== undefined) this.#clock.clearTimer(this.#sweep);
    for (let { head } = this.#idle; head !== undefined; { head } = this.#idle) this.#evict(head);
  }

  #fallIdle(entry: Entry): void {
    if (this.#isClosed) this.#entries.delete(entry.key);
    else {
      entry.idleSince = this.#clock.now();
      this.#idle.push(entry);
    }
    if (this.busy === 0) this.#events.fellIdle();
    // Last: a clock that sets no timer only delays the eviction.
    this.#armSweep();
  }

  #armSweep(): void {
    const oldest = this.#idle.head;
    if (oldest === undefined || this.#sweep !== undefined || this.#idleTtlMs === Infinity) return;
    // The sum of fractions may exceed the longest delay of a timer.
    const delayMs = Math.min(this.#idleTtlMs, Math.max(0, Math.ceil(this.#msLeft(oldest))));
    // The caller that releases must not lend its async context to the timer.
    this.#sweep = runInRootContext(() => this.#clock.setTimer(this.#evictExpired, delayMs, true));
  }

  #msLeft(entry: Entry): number {
    return entry.idleSince + this.#idleTtlMs - this.#clock.now();
  }

  readonly #evictExpired = (): void => {
    this.#sweep = undefined;
    // Not an iterator: closing a limiter may use the next key. The count ends the loop even if each closing adds a key.
    for (let count = this.#idle.size; count > 0; count--) {
      const oldest = this.#idle.head;
      if (oldest === undefined || this.#msLeft(oldest) > 0) break;
      this.#evict(oldest);
    }
    this.#armSweep();
  };

  #evict(entry: Entry): void {
    this.#idle.remove(entry);
    this.#entries.delete(entry.key);
    this.#events.evicted(entry);
  }
}

/** Warns of a new key that is a whole IPv6 address: one client has more addresses than any map has keys. */
function warnOfAddress(key: string): void {
  if (!isIPv6(key) || LOCAL_OR_MAPPED.test(key)) return;
  warnOnce(
    'WARN_SEMAPHORE_ADDRESS_KEY',
    'a key is a whole IPv6 address, and its client has many: clientKey() takes the subnet',
  );
}

const LOCAL_OR_MAPPED = /^::(1$|ffff:)/i;
