import assert from 'node:assert/strict';
import { Semaphore } from 'express-semaphore';
import type { Limiter, Order, Permit } from 'express-semaphore';
import { FakeClock } from 'express-semaphore/testing';
import type { Call, Signal } from './call';
import { foreseenBy, nextLate, optionsOf, timersOf, tryTo } from './pair';
import type { Pair } from './pair';
import type { QueueModel } from './queue-model';
import { SemaphoreModel } from './semaphore-model';

/** How a semaphore and its model are made. */
export interface SemaphoreSetup {
  readonly permits: number;
  readonly queueLimit: number;
  readonly maxWaitMs: number;
  readonly reserved: number;
  readonly order: Order;
  readonly queue: () => QueueModel;
}

/** What a model can be held against. */
interface Subject
  extends
    Limiter,
    Pick<Semaphore, 'permits' | 'held' | 'available' | 'waiting' | 'pause' | 'resume' | 'clear' | 'update'> {
  resize?(permits: number): void;
}

export class SemaphorePair implements Pair {
  readonly clock: FakeClock;
  protected readonly model: SemaphoreModel;
  readonly #time = { now: 0 };
  readonly #semaphore: Subject;

  constructor(setup: SemaphoreSetup, subject?: Subject, clock = new FakeClock()) {
    const { permits, queueLimit, maxWaitMs, order } = setup;
    this.clock = clock;
    this.#semaphore = subject ?? new Semaphore(permits, { queueLimit, maxWaitMs, order, clock });
    this.model = new SemaphoreModel({ ...setup, queue: setup.queue() }, this.#time);
  }

  get waiting(): readonly Call[] {
    return this.model.waiting;
  }

  acquire(call: Call): Promise<Permit> {
    const mayForesee = this.model.mayForesee(call);
    const before = mayForesee ? foreseenBy(this.#semaphore) : 0;
    const promise = this.#semaphore.acquire(optionsOf(call));
    this.model.acquire(call, mayForesee && foreseenBy(this.#semaphore) > before);
    return promise;
  }

  tryAcquire(call: Call): Permit | undefined {
    const permit = tryTo(call, () => this.#semaphore.tryAcquire(optionsOf(call)));
    this.model.tryAcquire(call);
    assert.equal(call.seen, call.end, 'tryAcquire');
    return permit;
  }

  advance(ms: number): void {
    this.clock.advance(ms);
    const end = this.#time.now + ms;
    for (;;) {
      const late = nextLate(this.waiting);
      const next = Math.min(late?.deadline ?? Infinity, this.model.headChanges());
      if (next > end) break;
      this.#time.now = Math.max(this.#time.now, next);
      // Timers of the same time fire in the order of their creation: that of the waiter is the older one.
      if (late?.deadline === next) this.model.expire(late);
      else this.model.changeHead();
    }
    this.#time.now = end;
  }

  resize(_key: string, permits: number): void {
    this.#semaphore.resize?.(permits);
    this.model.resize(permits);
  }

  pause(isPaused: boolean): void {
    if (isPaused) this.#semaphore.pause();
    else this.#semaphore.resume();
    this.model.pause(isPaused);
  }

  clear(): void {
    this.#semaphore.clear();
    this.model.clear();
  }

  update(queueLimit: number, maxWaitMs: number): void {
    this.#semaphore.update({ queueLimit, maxWaitMs });
    this.model.update(queueLimit, maxWaitMs);
  }

  close(): void {
    this.#semaphore.close();
    this.model.close();
  }

  idle(): Promise<void> {
    return this.#semaphore.idle();
  }

  release(call: Call): void {
    this.model.release(call);
  }

  abort(signal: Signal): void {
    this.model.abort(signal);
  }

  whenIdle(listener: () => void): void {
    this.model.whenIdle(listener);
  }

  compare(): void {
    const { permits, held, available, waiting } = this.#semaphore;
    assert.equal(permits, this.model.permits, 'permits');
    assert.equal(held, this.model.held, 'held');
    assert.equal(waiting, this.model.waiting.length, 'waiting');
    if (this.model.isPaused) assert.equal(available, 0, 'available while paused');
    else if (held > permits) assert.equal(available, 0, 'available while shrinking');
    else assert.equal(held + available, permits, 'held + available');
    const headTimers = this.model.headChanges() === Infinity ? 0 : 1;
    assert.equal(this.clock.timers, timersOf(this.waiting) + headTimers, 'timers');
  }

  compareAtEnd(): void {
    const { held, waiting, acquired, released, aborted, rejected } = this.#semaphore.stats();
    assert.deepEqual([held, waiting, this.clock.timers], [0, 0, 0], 'held, waiting, timers at the end');
    assert.deepEqual(
      { acquired, released: released.success + released.overload + released.ignore, aborted },
      this.model.totals,
    );
    for (const [code, count] of Object.entries(rejected)) {
      assert.equal(count, this.model.rejected[code] ?? 0, code);
    }
  }
}
