import type { Call, End, Signal } from './call';
import type { QueueModel } from './queue-model';

/** Options of the model of a semaphore. */
export interface ModelOptions {
  readonly permits: number;
  readonly queueLimit: number;
  readonly maxWaitMs: number;
  readonly reserved: number;
  readonly queue: QueueModel;
}

/** The time in a history. Models share it. */
export interface Time {
  now: number;
}

/**
 * The promises of a semaphore, as simple as possible. After each step the head is granted permits until the free ones
 * are too few.
 */
export class SemaphoreModel {
  permits: number;
  held = 0;
  isClosed = false;
  isPaused = false;
  /** The totals in `stats()`. */
  readonly totals = { acquired: 0, released: 0, aborted: 0 };
  readonly rejected: Record<string, number> = {};
  readonly #time: Time;
  readonly #queue: QueueModel;
  #queueLimit: number;
  #maxWaitMs: number;
  readonly #reserved: number;
  /** Called when no permit is held and no caller waits. */
  readonly #idleListeners: (() => void)[] = [];

  constructor({ permits, queueLimit, maxWaitMs, reserved, queue }: ModelOptions, time: Time) {
    this.permits = permits;
    this.#time = time;
    this.#queue = queue;
    this.#queueLimit = queueLimit;
    this.#maxWaitMs = maxWaitMs;
    this.#reserved = reserved;
  }

  get waiting(): readonly Call[] {
    return this.#queue.waiting;
  }

  get isIdle(): boolean {
    return this.held === 0 && this.waiting.length === 0;
  }

  /** Whether the limiter may reject `call` because of its expected wait. It need not. */
  mayForesee(call: Call): boolean {
    return (
      this.#wait(call) !== Infinity &&
      this.waiting.length > 0 &&
      !this.#queue.isPassedBy(call, this.#time.now)
    );
  }

  /** Whether `call` would get permits at once. */
  isFreeFor(call: Call): boolean {
    return !this.isClosed && this.#queue.isPassedBy(call, this.#time.now) && this.#fits(call);
  }

  acquire(call: Call, wasForeseen: boolean): void {
    if (call.signal?.controller.signal.aborted === true) this.#abort(call);
    else if (this.isClosed) this.#reject(call, 'ERR_SEMAPHORE_CLOSED');
    else if (this.#isTooHeavy(call)) call.end = 'RangeError';
    else if (this.isFreeFor(call)) this.#grant(call);
    else if (this.#wait(call) === 0) this.#reject(call, 'ERR_SEMAPHORE_WAIT_TIMEOUT');
    else if (wasForeseen) this.#reject(call, 'ERR_SEMAPHORE_WAIT_TOO_LONG');
    else if (this.waiting.length < this.#queueLimit) this.#enqueue(call);
    else {
      const evictee = this.#queue.evictee(call, this.#time.now);
      if (evictee !== undefined) this.#leave(evictee);
      this.#reject(evictee ?? call, 'ERR_SEMAPHORE_QUEUE_FULL');
      if (evictee !== undefined) this.#enqueue(call);
    }
  }

  tryAcquire(call: Call): void {
    if (this.isClosed) this.#reject(call, 'ERR_SEMAPHORE_CLOSED');
    else if (this.#isTooHeavy(call)) call.end = 'RangeError';
    else if (this.isFreeFor(call)) this.#grant(call);
    else this.#reject(call, 'ERR_SEMAPHORE_WAIT_TIMEOUT');
  }

  release(call: Call): void {
    this.held -= call.weight;
    this.#queue.hold?.(call, false);
    this.totals.released++;
    this.#serve();
  }

  /** The waiters of `signal` leave one by one. A waiter whose signal has aborted is not served meanwhile. */
  abort(signal: Signal): void {
    for (const call of this.waiting.filter((waiter) => waiter.signal === signal)) {
      if (call.end !== undefined) continue;
      this.#leave(call);
      this.#abort(call);
      this.#serve();
    }
  }

  /** The wait of `late` is over. */
  expire(late: Call): void {
    this.#leave(late);
    this.#reject(late, 'ERR_SEMAPHORE_WAIT_TIMEOUT');
    this.#serve();
  }

  /** The time at which the head of waiters beside free permits changes by itself; `Infinity` when it does not. */
  headChanges(): number {
    return this.held < this.#grantable ? this.#queue.headChanges() : Infinity;
  }

  /** Serves the head that has changed by itself. */
  changeHead(): void {
    this.#serve();
  }

  resize(permits: number): void {
    const before = this.#grantable;
    this.permits = permits;
    this.#restart(before);
    for (const call of this.waiting.filter((waiter) => this.#isTooHeavy(waiter))) {
      this.#leave(call);
      call.end = 'RangeError';
    }
    this.#serve();
  }

  pause(isPaused: boolean): void {
    const before = this.#grantable;
    this.isPaused = isPaused;
    this.#restart(before);
    this.#serve();
  }

  clear(): void {
    for (const call of [...this.waiting]) {
      this.#leave(call);
      this.#reject(call, 'ERR_SEMAPHORE_QUEUE_CLEARED');
    }
    this.#noticeIdle();
  }

  update(queueLimit: number, maxWaitMs: number): void {
    this.#queueLimit = queueLimit;
    this.#maxWaitMs = maxWaitMs;
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    for (const call of [...this.waiting]) {
      this.#leave(call);
      this.#reject(call, 'ERR_SEMAPHORE_CLOSED');
    }
    this.#serve();
  }

  /** Calls `listener` as soon as the model is idle. */
  whenIdle(listener: () => void): void {
    this.#idleListeners.push(listener);
    this.#noticeIdle();
  }

  #wait(call: Call): number {
    return call.maxWaitMs ?? this.#maxWaitMs;
  }

  /** A pause is a limit of 0. */
  get #grantable(): number {
    return this.isPaused ? 0 : this.permits;
  }

  /** The order forgets the time of a pause when it ends. */
  #restart(before: number): void {
    if (before === 0 && this.#grantable > 0) this.#queue.resume?.(this.#time.now);
  }

  #permitsFor({ priority }: Call): number {
    if (priority === 100 || this.permits < 2) return this.permits;
    return Math.max(1, this.permits - this.#reserved);
  }

  #fits(call: Call): boolean {
    return !this.isPaused && this.held + call.weight <= this.#permitsFor(call);
  }

  #isTooHeavy(call: Call): boolean {
    const max = this.#queue.maxOf?.(call) ?? Infinity;
    return this.permits > 0 && call.weight > Math.min(this.#permitsFor(call), max);
  }

  #enqueue(call: Call): void {
    call.since = this.#time.now;
    call.deadline = this.#time.now + this.#wait(call);
    this.#queue.add(call);
    this.#serve();
  }

  #leave(call: Call): void {
    this.#queue.remove(call, false);
  }

  #grant(call: Call): void {
    this.held += call.weight;
    this.#queue.hold?.(call, true);
    this.totals.acquired++;
    call.end = 'granted';
  }

  #abort(call: Call): void {
    this.totals.aborted++;
    call.end = 'abort';
  }

  #reject(call: Call, code: End): void {
    this.rejected[code] = (this.rejected[code] ?? 0) + 1;
    call.end = code;
  }

  #serve(): void {
    this.#rejectOverdue();
    for (let first = this.#queue.first(); first !== undefined; first = this.#queue.first()) {
      const isAborted = first.signal?.controller.signal.aborted === true;
      if (!isAborted && !this.#fits(first)) break;
      this.#queue.remove(first, !isAborted);
      if (isAborted) this.#abort(first);
      else this.#grant(first);
    }
    this.#noticeIdle();
  }

  #rejectOverdue(): void {
    if (this.#grantable === 0) return;
    for (let late = this.#queue.overdue(this.#time.now); late; late = this.#queue.overdue(this.#time.now)) {
      this.#leave(late);
      this.#reject(late, 'ERR_SEMAPHORE_WAIT_TOO_LONG');
    }
  }

  #noticeIdle(): void {
    if (this.isIdle) for (const listener of this.#idleListeners.splice(0)) listener();
  }
}
