import type { ErrorScope, SemaphoreError, SemaphoreErrorCode } from '../errors.js';
import type { Clock } from '../internal/clock.js';
import { LinkedList } from '../internal/linked-list.js';
import type { ListNode } from '../internal/linked-list.js';
import { requireString } from '../internal/validate.js';
import { Durations, NO_DURATIONS } from './durations.js';
import { areWaitsObserved, CHANNELS, publish, publishQueued, waitOf } from './events.js';
import type { LimiterMessage } from './events.js';
import type { BaseStats, KeyedStats, LimiterStats, Outcome } from './limiter.js';
import type { OnRelease } from './permit.js';
import type { Waiter } from './waiter.js';

/** Property of a limiter that holds its `StatsRecorder`, the same in each copy of this package. */
export const STATS: unique symbol = Symbol.for('express-semaphore.stats');

/** The recorder of `limiter`; `undefined` for a limiter that another package made. */
export function statsRecorderOf(limiter: object): StatsRecorder | undefined {
  // No instanceof: the limiter may come from another copy of this package.
  return STATS in limiter ? (limiter[STATS] as StatsRecorder | undefined) : undefined;
}

let isUncounted = false;

/** Calls `decide`. A rejection that it makes is not counted, because the same request was counted before. */
export function uncounted<Result>(decide: () => Result): Result {
  isUncounted = true;
  try {
    return decide();
  } finally {
    isUncounted = false;
  }
}

/** Read for each permit; a constant of the module is found faster than a property. */
const { acquire: acquireChannel, release: releaseChannel } = CHANNELS;

/** Counts what a limiter does, publishes its events and is the source of its `stats()`. */
export class StatsRecorder {
  #name: string | undefined;
  readonly #clock: Clock;
  /** The recorder of the `KeyedSemaphore` whose key this is. It may come from another copy, so only methods are used. */
  #parent: StatsRecorder | undefined;
  #key: string | undefined;
  /** Made by the first `stats()`, so that no permit pays for the clock before. */
  #durations: WaitAndHold | undefined;
  /** Whether it has a parent or measures durations. */
  #isObserved = false;

  #held = 0;
  #waiting = 0;
  #acquired = 0;
  #aborted = 0;
  #released = 0;
  /** Releases that were no success. */
  readonly #failed = { overload: 0, ignore: 0 };
  #rejections = 0;
  readonly #rejected: Record<SemaphoreErrorCode, number> = {
    ERR_SEMAPHORE_QUEUE_FULL: 0,
    ERR_SEMAPHORE_WAIT_TIMEOUT: 0,
    ERR_SEMAPHORE_WAIT_TOO_LONG: 0,
    ERR_SEMAPHORE_CLOSED: 0,
    ERR_SEMAPHORE_QUEUE_CLEARED: 0,
    ERR_SEMAPHORE_HOLD_TIMEOUT: 0,
    ERR_SEMAPHORE_KEY_LIMIT: 0,
    ERR_SEMAPHORE_LEASE_LOST: 0,
    ERR_SEMAPHORE_BACKEND: 0,
  };

  /** @throws `TypeError` for a bad name. */
  constructor(name: string | undefined, clock: Clock) {
    if (name !== undefined) requireString('name', name);
    this.#name = name;
    this.#clock = clock;
  }

  get name(): string | undefined {
    return this.#name;
  }

  /** Sets the name of a limiter that has none. */
  nameUnlessNamed(name: string): void {
    this.#name ??= name;
  }

  /** Permits held. A limiter that is behind no key counts them itself; here they are 0. */
  get held(): number {
    return this.#held;
  }

  /** Queued callers. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Rejections so far. */
  get rejected(): number {
    return this.#rejections;
  }

  /** The scope of this limiter's rejections. */
  get scope(): ErrorScope {
    return this.#parent === undefined ? 'limiter' : 'key';
  }

  /** Where durations are recorded; `undefined` until the first `stats()`. */
  get durations(): WaitAndHold | undefined {
    return this.#parent === undefined ? this.#durations : this.#parent.durations;
  }

  /** Counts everything in `parent`, too, as done by `key`. From then on only `parent` measures durations. */
  reportTo(parent: StatsRecorder, key: string): void {
    this.#parent = parent;
    this.#isObserved = true;
    this.#key = key;
  }

  /**
   * Counts a grant, to `waiter` if it was queued. Returns what the permit's release has to call: `onRelease`, or a
   * function that measures and calls it.
   */
  grant(weight: number, onRelease: OnRelease, waiter?: Waiter): OnRelease {
    this.#acquired++;
    if (this.#isObserved || acquireChannel.hasSubscribers || releaseChannel.hasSubscribers) {
      return this.#observedGrant(weight, onRelease, waiter);
    }
    return onRelease;
  }

  /** A separate method, so that V8 can inline `grant`. */
  #observedGrant(weight: number, onRelease: OnRelease, waiter: Waiter | undefined): OnRelease {
    if (this.#parent !== undefined) {
      this.#held += weight;
      this.#parent.countGrant(weight);
    }
    if (acquireChannel.hasSubscribers) {
      publish('acquire', { ...this.#source(), weight, ...waitOf(waiter, this.#clock) });
    }
    const isTimed = this.durations !== undefined || releaseChannel.hasSubscribers;
    return isTimed ? this.#timed(onRelease) : onRelease;
  }

  /** Counts a grant of one key. */
  countGrant(weight: number): void {
    this.#held += weight;
    this.#acquired++;
  }

  /** Counts a released permit, or a part of one if there is no outcome. */
  release(weight: number, outcome: Outcome | undefined): void {
    this.countRelease(outcome);
    if (this.#parent === undefined) return;
    this.#held -= weight;
    this.#parent.countKeyRelease(weight, outcome);
  }

  /** Counts a released permit of one key, or a part of one. */
  countKeyRelease(weight: number, outcome: Outcome | undefined): void {
    this.#held -= weight;
    this.countRelease(outcome);
  }

  countRelease(outcome: Outcome | undefined): void {
    if (outcome === undefined) return;
    this.#released++;
    if (outcome !== 'success') this.#failed[outcome]++;
  }

  /** Counts a rejection, of `waiter` if it was queued, and returns its error. */
  reject<Rejection extends SemaphoreError>(error: Rejection, waiter?: Waiter): Rejection {
    if (isUncounted) return error;
    this.rejectWithCode(error.code, waiter);
    return error;
  }

  /** Counts a rejection without an error, such as that of a `tryAcquire` that found no permit. */
  rejectWithCode(code: SemaphoreErrorCode, waiter?: Waiter): void {
    this.countRejection(code);
    this.#publishEnd(code, waiter);
  }

  countRejection(code: SemaphoreErrorCode): void {
    this.#rejected[code]++;
    this.#rejections++;
    this.#parent?.countRejection(code);
  }

  /** Counts a call that its signal ended: `waiter`, if it was queued. */
  abort(waiter?: Waiter): void {
    this.countAbort();
    this.#publishEnd(undefined, waiter);
  }

  #publishEnd(code: SemaphoreErrorCode | undefined, waiter: Waiter | undefined): void {
    if (CHANNELS.reject.hasSubscribers) {
      publish('reject', { ...this.#source(), code, ...waitOf(waiter, this.#clock) });
    }
  }

  countAbort(): void {
    this.#aborted++;
    this.#parent?.countAbort();
  }

  /** Counts a queued waiter. */
  enqueue(waiter: Waiter): void {
    this.countWaiter(1);
    if (areWaitsObserved()) publishQueued(waiter, this.#source());
  }

  /** Counts a waiter that leaves the queue, at `now` if the caller has read the clock, and records its wait. */
  dequeue(waiter: Waiter, now?: number): void {
    this.countWaiter(-1);
    const { durations } = this;
    if (durations === undefined) return;
    const leftMs = now ?? this.#clock.now();
    durations.wait.record(leftMs - waiter.since, leftMs);
  }

  countWaiter(change: 1 | -1): void {
    this.#waiting += change;
    this.#parent?.countWaiter(change);
  }

  /** Counts a lease that was `lost`, or a permit that was held for `maxHoldMs`. `release` counts its release. */
  countLoss(event: 'lost' | 'holdTimeout', weight: number, { code }: SemaphoreError): void {
    this.countRejection(code);
    if (CHANNELS[event].hasSubscribers) publish(event, { ...this.#source(), weight });
  }

  /** Publishes a change of the limit. */
  changeLimit(previous: number, permits: number): void {
    if (previous === permits || !CHANNELS.limit.hasSubscribers) return;
    publish('limit', { ...this.#source(), permits, previous });
  }

  /** Frozen stats of one limiter. */
  limiterStats(
    limiter: Pick<LimiterStats, 'permits' | 'held' | 'available' | 'waiting' | 'paused'>,
    releasesPerMs: number | undefined,
  ): LimiterStats {
    const { permits, held, available, waiting, paused = false } = limiter;
    return Object.freeze({
      ...this.#baseStats(),
      permits,
      held,
      available,
      waiting,
      releasesPerSecond: releasesPerMs === undefined ? undefined : releasesPerMs * 1_000,
      paused,
    });
  }

  /** Frozen stats of all keys together. */
  keyedStats(keys: number, busyKeys: number, paused: boolean): KeyedStats {
    return Object.freeze({ ...this.#baseStats(), keys, busyKeys, paused });
  }

  #baseStats(): BaseStats {
    if (this.#parent === undefined) this.#durations ??= new WaitAndHold();
    this.#isObserved = true;
    const { overload, ignore } = this.#failed;
    return {
      name: this.#name,
      held: this.#held,
      waiting: this.#waiting,
      acquired: this.#acquired,
      released: Object.freeze({ success: this.#released - overload - ignore, overload, ignore }),
      rejected: Object.freeze({ ...this.#rejected }),
      aborted: this.#aborted,
      wait: this.#durations?.wait.snapshot(this.#clock.now()) ?? NO_DURATIONS,
      hold: this.#durations?.hold.snapshot(this.#clock.now()) ?? NO_DURATIONS,
      oldestHeldMs: this.#durations?.oldestHeldMs(this.#clock.now()) ?? 0,
    };
  }

  /** A separate method: a function that contains a closure pays for its variables even where it makes none. */
  #timed(onRelease: OnRelease): OnRelease {
    const { durations } = this;
    const held = new HeldSince(this.#clock.now());
    durations?.held.push(held);
    return (weight, outcome) => {
      if (outcome === undefined) {
        onRelease(weight, outcome);
        return;
      }
      const now = this.#clock.now();
      if (durations !== undefined) {
        durations.held.remove(held);
        durations.hold.record(now - held.since, now);
      }
      if (releaseChannel.hasSubscribers) {
        publish('release', { ...this.#source(), weight, outcome, holdMs: now - held.since });
      }
      onRelease(weight, outcome);
    };
  }

  /** The name and the key in each event. */
  #source(): LimiterMessage {
    return { name: this.#parent?.name ?? this.#name, key: this.#key };
  }
}

/** Durations of waits and holds, and the permits that are held now, the oldest first. */
class WaitAndHold {
  readonly wait = new Durations();
  readonly hold = new Durations();
  readonly held = new LinkedList<HeldSince>();

  oldestHeldMs(now: number): number {
    const { head } = this.held;
    return head === undefined ? 0 : now - head.since;
  }
}

/** The time of one grant. */
class HeldSince implements ListNode<HeldSince> {
  readonly since: number;
  previous: HeldSince | undefined;
  next: HeldSince | undefined;

  constructor(since: number) {
    this.since = since;
  }
}
