import assert from 'node:assert/strict';
import { KeyedSemaphore, Semaphore } from 'express-semaphore';
import type { AcquireOptions, Permit } from 'express-semaphore';
import { FakeClock } from 'express-semaphore/testing';
import type { Call, Signal } from './call';
import { foreseenBy, nextLate, optionsOf, timersOf, tryTo } from './pair';
import type { Pair } from './pair';
import { KeyedModel } from './keyed-model';
import type { SemaphoreSetup } from './semaphore-pair';
import { SemaphoreModel } from './semaphore-model';

/** How a map of limiters and its model are made. */
export interface KeyedSetup extends SemaphoreSetup {
  readonly maxKeys: number;
  readonly idleTtlMs: number;
}

export class KeyedPair implements Pair {
  readonly clock = new FakeClock();
  readonly #time = { now: 0 };
  readonly #keyed: KeyedSemaphore;
  readonly #model: KeyedModel;
  readonly #idleTtlMs: number;
  /** The latest limiter of each key there ever was. */
  readonly #probes = new Map<string, Probe>();

  constructor(setup: KeyedSetup) {
    const { permits, queueLimit, maxWaitMs, order, maxKeys, idleTtlMs } = setup;
    this.#idleTtlMs = idleTtlMs;
    this.#keyed = new KeyedSemaphore(
      (key) => {
        assert(this.#probes.get(key)?.isClosed !== false, `a second limiter for ${key}`);
        const probe = new Probe(permits, { queueLimit, maxWaitMs, order, clock: this.clock });
        this.#probes.set(key, probe);
        return probe;
      },
      { maxKeys, idleTtlMs, clock: this.clock },
    );
    const makeModel = () => new SemaphoreModel({ ...setup, queue: setup.queue() }, this.#time);
    this.#model = new KeyedModel(makeModel, maxKeys, idleTtlMs, this.#time);
  }

  get waiting(): readonly Call[] {
    return this.#model.waiting;
  }

  acquire(call: Call): Promise<Permit> {
    const { key } = call;
    const mayForesee = this.#model.entries.get(key)?.model.mayForesee(call) === true;
    const before = mayForesee ? foreseenBy(this.#probe(key)) : 0;
    const promise = this.#keyed.acquire(key, optionsOf(call));
    call.end = this.#model.rejectionOf(key);
    if (call.end !== undefined) return promise;
    const wasForeseen = mayForesee && foreseenBy(this.#probe(key)) > before;
    this.#model.enter(key).acquire(call, wasForeseen);
    // The map listens first, so it unpins the key just before the model does.
    this.#probe(key).acquired?.catch(() => {
      this.#model.leave(key);
    });
    return promise;
  }

  tryAcquire(call: Call): Permit | undefined {
    const permit = tryTo(call, () => this.#keyed.tryAcquire(call.key, optionsOf(call)));
    const code = this.#model.rejectionOf(call.key);
    if (code === undefined) {
      this.#model.enter(call.key).tryAcquire(call);
      if (call.end !== 'granted') this.#model.leave(call.key);
    } else call.end = code === 'ERR_SEMAPHORE_CLOSED' ? code : 'ERR_SEMAPHORE_WAIT_TIMEOUT';
    assert.equal(call.seen, call.end, 'tryAcquire');
    return permit;
  }

  advance(ms: number): void {
    this.clock.advance(ms);
    const end = this.#time.now + ms;
    for (;;) {
      const late = nextLate(this.waiting);
      const due = Math.min(late?.deadline ?? Infinity, this.#model.idleDeadline);
      if (due > end || due === Infinity) break;
      this.#time.now = due;
      if (late?.deadline === due) this.#model.entries.get(late.key)?.model.expire(late);
      else this.#model.expireIdle();
    }
    this.#time.now = end;
  }

  resize(key: string, permits: number): void {
    const entry = this.#model.entries.get(key);
    if (entry === undefined) return;
    this.#probe(key).resize(permits);
    entry.model.resize(permits);
  }

  pause(isPaused: boolean): void {
    const entry = this.#model.entries.get('a');
    if (entry === undefined) return;
    if (isPaused) this.#probe('a').pause();
    else this.#probe('a').resume();
    entry.model.pause(isPaused);
  }

  clear(): void {
    const entry = this.#model.entries.get('a');
    if (entry === undefined) return;
    this.#probe('a').clear();
    entry.model.clear();
  }

  update(queueLimit: number, maxWaitMs: number): void {
    const entry = this.#model.entries.get('a');
    if (entry === undefined) return;
    this.#probe('a').update({ queueLimit, maxWaitMs });
    entry.model.update(queueLimit, maxWaitMs);
  }

  close(): void {
    this.#keyed.close();
    this.#model.close();
  }

  idle(): Promise<void> {
    return this.#keyed.idle();
  }

  release(call: Call): void {
    this.#model.release(call);
  }

  abort(signal: Signal): void {
    this.#model.abort(signal);
  }

  whenIdle(listener: () => void): void {
    this.#model.whenIdle(listener);
  }

  compare(): void {
    const { entries, idle, isClosed } = this.#model;
    assert.equal(this.#keyed.size, entries.size, 'size');
    assert.deepEqual(this.#live(), isClosed ? [] : [...entries.keys()].sort(), 'keys with a live limiter');
    for (const [key, { model }] of entries) {
      const stats = this.#keyed.stats(key);
      assert.equal(stats?.permits, model.permits, `permits of ${key}`);
      assert.equal(stats.held, model.held, `held of ${key}`);
      assert.equal(stats.waiting, model.waiting.length, `waiting of ${key}`);
    }
    const sweeps = this.clock.timers - timersOf(this.waiting);
    const isSweepDue = idle.length > 0 && this.#idleTtlMs !== Infinity;
    assert(sweeps === (isSweepDue ? 1 : 0) || (sweeps === 1 && !isClosed), `${sweeps} timers for idle keys`);
  }

  compareAtEnd(): void {
    const { held, waiting, keys, busyKeys } = this.#keyed.stats();
    assert.deepEqual([held, waiting, busyKeys], [0, 0, 0], 'held, waiting, busy keys at the end');
    assert.equal(keys, this.#model.entries.size, 'keys at the end');
    if (this.#idleTtlMs === Infinity) this.#keyed.close();
    else this.clock.advance(this.#idleTtlMs);
    assert.deepEqual([this.#keyed.size, this.#live(), this.clock.timers], [0, [], 0], 'left after the TTL');
  }

  #probe(key: string): Probe {
    const probe = this.#probes.get(key);
    if (probe === undefined) throw new Error(`no limiter for ${key}`);
    return probe;
  }

  #live(): string[] {
    const live = [...this.#probes].filter(([, { isClosed }]) => !isClosed);
    return live.map(([key]) => key).sort();
  }
}

/** A semaphore that shows whether it was closed, and the promise that it returned last. */
class Probe extends Semaphore {
  isClosed = false;
  acquired: Promise<Permit> | undefined;

  override acquire(options?: AcquireOptions): Promise<Permit> {
    this.acquired = super.acquire(options);
    return this.acquired;
  }

  override close(reason?: unknown): void {
    this.isClosed = true;
    super.close(reason);
  }
}
