import type { Call, Signal } from './call';
import type { SemaphoreModel, Time } from './semaphore-model';

/** One key that is kept. */
export interface KeyedEntry {
  readonly model: SemaphoreModel;
  /** Permits out, and calls that have not heard yet what has come of them. */
  users: number;
  /** When the last of them left. */
  idleSince: number;
}

/** What a map of limiters promises, told as plainly as can be. */
export class KeyedModel {
  readonly entries = new Map<string, KeyedEntry>();
  /** Those without users, the one idle for longest first. */
  idle: string[] = [];
  isClosed = false;
  readonly #make: () => SemaphoreModel;
  readonly #maxKeys: number;
  readonly #idleTtlMs: number;
  readonly #time: Time;
  readonly #idleListeners: (() => void)[] = [];

  constructor(make: () => SemaphoreModel, maxKeys: number, idleTtlMs: number, time: Time) {
    this.#make = make;
    this.#maxKeys = maxKeys;
    this.#idleTtlMs = idleTtlMs;
    this.#time = time;
  }

  get waiting(): readonly Call[] {
    return [...this.entries.values()].flatMap(({ model }) => model.waiting);
  }

  /** Why a call for `key` is rejected; `undefined` if it is not. */
  rejectionOf(key: string): string | undefined {
    if (this.isClosed) return 'ERR_SEMAPHORE_CLOSED';
    const isFull = this.entries.size === this.#maxKeys && this.idle.length === 0;
    return isFull && !this.entries.has(key) ? 'ERR_SEMAPHORE_KEY_LIMIT' : undefined;
  }

  /** Uses `key`, which is made room for. */
  enter(key: string): SemaphoreModel {
    let entry = this.entries.get(key);
    if (entry === undefined) {
      if (this.entries.size === this.#maxKeys) this.#evict();
      entry = { model: this.#make(), users: 0, idleSince: 0 };
      this.entries.set(key, entry);
    }
    this.idle = this.idle.filter((other) => other !== key);
    entry.users++;
    return entry.model;
  }

  leave(key: string): void {
    const entry = this.entries.get(key);
    if (entry === undefined) throw new Error(`nobody is in ${key}`);
    if (--entry.users > 0) return;
    entry.idleSince = this.#time.now;
    if (this.isClosed) this.entries.delete(key);
    else this.idle.push(key);
    this.#noticeIdle();
  }

  release(call: Call): void {
    this.entries.get(call.key)?.model.release(call);
    this.leave(call.key);
  }

  abort(signal: Signal): void {
    for (const { model } of this.entries.values()) model.abort(signal);
  }

  /** When the key idle for longest has to go. */
  get idleDeadline(): number {
    const entry = this.entries.get(this.idle[0] ?? '');
    return entry === undefined ? Infinity : entry.idleSince + this.#idleTtlMs;
  }

  /** It is `idleDeadline` now. */
  expireIdle(): void {
    this.#evict();
  }

  close(): void {
    this.isClosed = true;
    while (this.idle.length > 0) this.#evict();
    for (const { model } of this.entries.values()) model.close();
  }

  /** Calls `listener` as soon as no key has a user. */
  whenIdle(listener: () => void): void {
    this.#idleListeners.push(listener);
    this.#noticeIdle();
  }

  #evict(): void {
    const key = this.idle.shift();
    if (key !== undefined) this.entries.delete(key);
  }

  #noticeIdle(): void {
    if (this.entries.size === this.idle.length)
      for (const listener of this.#idleListeners.splice(0)) listener();
  }
}
