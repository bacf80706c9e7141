import type { Call, End, Signal } from './call';
import type { LineModel } from './queue-model';

/** What the model of a semaphore is made of. */
export interface ModelOptions {
  readonly permits: number;
  readonly queueLimit: number;
  readonly maxWaitMs: number;
  readonly reserved: number;
  readonly line: LineModel;
}

/** What time it is in a history; models share it. */
export interface Time {
  now: number;
}

/**
 * What a semaphore promises, told as plainly as can be: after whatever happens, the first in line gets what is free until
 * it is not enough.
 */
export class SemaphoreModel {
  permits: number;
  held = 0;
  isClosed = false;
  /** What `stats()` has to say. */
  readonly totals = { acquired: 0, released: 0, aborted: 0 };
  readonly rejected: Record<string, number> = {};
  readonly #time: Time;
  readonly #line: LineModel;
  readonly #queueLimit: number;
  readonly #maxWaitMs: number;
  readonly #reserved: number;
  /** Told when nothing is held and nobody waits. */
  readonly #idleAsked: (() => void)[] = [];

  constructor({ permits, queueLimit, maxWaitMs, reserved, line }: ModelOptions, time: Time) {
    this.permits = permits;
    this.#time = time;
    this.#line = line;
    this.#queueLimit = queueLimit;
    this.#maxWaitMs = maxWaitMs;
    this.#reserved = reserved;
  }

  get waiting(): readonly Call[] {
    return this.#line.waiting;
  }

  get isIdle(): boolean {
    return this.held === 0 && this.waiting.length === 0;
  }

  /** Whether it is allowed, though not ordered, to refuse `call` because of how fast the line was lately. */
  mayForesee(call: Call): boolean {
    return (
      this.#wait(call) !== Infinity && this.waiting.length > 0 && !this.#line.isPassedBy(call, this.#time.now)
    );
  }

  /** Whether `call` would get permits at once. */
  isFreeFor(call: Call): boolean {
    const passes = this.waiting.length === 0 || this.#line.isPassedBy(call, this.#time.now);
    return !this.isClosed && passes && this.#fits(call);
  }

  acquire(call: Call, wasForeseen: boolean): void {
    if (call.signal?.controller.signal.aborted === true) this.#abort(call);
    else if (this.isClosed) this.#refuse(call, 'ERR_SEMAPHORE_CLOSED');
    else if (this.#isTooHeavy(call)) call.end = 'RangeError';
    else if (this.isFreeFor(call)) this.#grant(call);
    else if (this.#wait(call) === 0) this.#refuse(call, 'ERR_SEMAPHORE_WAIT_TIMEOUT');
    else if (wasForeseen) this.#refuse(call, 'ERR_SEMAPHORE_WAIT_TOO_LONG');
    else if (this.waiting.length < this.#queueLimit) this.#join(call);
    else {
      const evictee = this.#line.evictee(call, this.#time.now);
      if (evictee !== undefined) this.#leave(evictee);
      this.#refuse(evictee ?? call, 'ERR_SEMAPHORE_QUEUE_FULL');
      if (evictee !== undefined) this.#join(call);
    }
  }

  tryAcquire(call: Call): void {
    if (this.isClosed) this.#refuse(call, 'ERR_SEMAPHORE_CLOSED');
    else if (this.#isTooHeavy(call)) call.end = 'RangeError';
    else if (this.isFreeFor(call)) this.#grant(call);
    else this.#refuse(call, 'ERR_SEMAPHORE_WAIT_TIMEOUT');
  }

  takeBack({ weight }: Call): void {
    this.held -= weight;
    this.totals.released++;
    this.#serve();
  }

  /** One after the other leaves; whom the signal of another reaches first is not served meanwhile. */
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
    this.#refuse(late, 'ERR_SEMAPHORE_WAIT_TIMEOUT');
    this.#serve();
  }

  /** The time at which the head of waiters beside free permits changes by itself; `Infinity` when it does not. */
  headChanges(): number {
    return this.held < this.permits ? this.#line.headChanges() : Infinity;
  }

  /** Serves the head that has changed by itself. */
  changeHead(): void {
    this.#serve();
  }

  resize(permits: number): void {
    this.permits = permits;
    for (const call of this.waiting.filter((waiter) => this.#isTooHeavy(waiter))) {
      this.#leave(call);
      call.end = 'RangeError';
    }
    this.#serve();
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    for (const call of [...this.waiting]) {
      this.#leave(call);
      this.#refuse(call, 'ERR_SEMAPHORE_CLOSED');
    }
    this.#serve();
  }

  /** Calls `tell` as soon as it is idle. */
  whenIdle(tell: () => void): void {
    this.#idleAsked.push(tell);
    this.#tellIdle();
  }

  #wait(call: Call): number {
    return call.maxWaitMs ?? this.#maxWaitMs;
  }

  #permitsFor({ priority }: Call): number {
    if (priority === 100 || this.permits < 2) return this.permits;
    return Math.max(1, this.permits - this.#reserved);
  }

  #fits(call: Call): boolean {
    return this.held + call.weight <= this.#permitsFor(call);
  }

  #isTooHeavy(call: Call): boolean {
    return this.permits > 0 && call.weight > this.#permitsFor(call);
  }

  #join(call: Call): void {
    call.since = this.#time.now;
    call.deadline = this.#time.now + this.#wait(call);
    this.#line.add(call);
    this.#serve();
  }

  #leave(call: Call): void {
    this.#line.remove(call, false);
  }

  #grant(call: Call): void {
    this.held += call.weight;
    this.totals.acquired++;
    call.end = 'granted';
  }

  #abort(call: Call): void {
    this.totals.aborted++;
    call.end = 'abort';
  }

  #refuse(call: Call, code: End): void {
    this.rejected[code] = (this.rejected[code] ?? 0) + 1;
    call.end = code;
  }

  #serve(): void {
    for (let late = this.#line.overdue(this.#time.now); late; late = this.#line.overdue(this.#time.now)) {
      this.#leave(late);
      this.#refuse(late, 'ERR_SEMAPHORE_WAIT_TOO_LONG');
    }
    for (let first = this.#line.first(); first !== undefined; first = this.#line.first()) {
      const isAborted = first.signal?.controller.signal.aborted === true;
      if (!isAborted && !this.#fits(first)) break;
      this.#line.remove(first, !isAborted);
      if (isAborted) this.#abort(first);
      else this.#grant(first);
    }
    this.#tellIdle();
  }

  #tellIdle(): void {
    if (this.isIdle) for (const tell of this.#idleAsked.splice(0)) tell();
  }
}
