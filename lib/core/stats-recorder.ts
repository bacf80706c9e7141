import type { LeaseLostError, SemaphoreError, SemaphoreErrorCode } from '../errors.js';
import type { Clock } from '../internal/clock.js';
import { areWaitsTold, CHANNELS, publish, publishQueued, waitOf } from './events.js';
import type { LimiterMessage } from './events.js';
import { Durations, NO_DURATIONS } from './durations.js';
import { LimitHistory } from './limit-history.js';
import type { BaseStats, KeyedStats, Limiter, LimiterStats, Outcome } from './limiter.js';
import type { OnRelease } from './permit.js';
import { requireString } from '../internal/validate.js';
import type { Waiter } from './waiter.js';

/** Under this a limiter of this package shows its tally to the `KeyedSemaphore` that it belongs to. */
export const STATS = Symbol('express-semaphore.tally');

/** The tally of `limiter`; a limiter of somebody else's making has none. */
export function statsRecorderOf(limiter: Limiter): StatsRecorder | undefined {
  return STATS in limiter && limiter[STATS] instanceof StatsRecorder ? limiter[STATS] : undefined;
}

/** These are asked for every permit; as constants of the module they are found at once. */
const { acquire: acquireChannel, release: releaseChannel } = CHANNELS;

/** In a line up to this long every waiter's time is taken. */
const SHORT_LINE = 16;
/** In a longer one, one in so many stands for all: reading the clock is a quarter of what a wait costs. */
const SAMPLE = 32;

/** What a limiter has done so far, entered as it happens: the source of its `stats()`. */
export class StatsRecorder {
  readonly #name: string | undefined;
  readonly #clock: Clock;
  /** That of all keys, if this is one key's. */
  #parent: StatsRecorder | undefined;
  /** Made when somebody asks for the first time; until then no permit pays for the clock. */
  #durations: { readonly wait: Durations; readonly hold: Durations } | undefined;
  /** Made when the limit changes for the first time. */
  #limits: LimitHistory | undefined;

  #key: string | undefined;

  #held = 0;
  #waiting = 0;
  #acquired = 0;
  #refused = 0;
  #aborted = 0;
  #waitedMs = 0;
  #untimed = 0;
  #released = 0;
  /** Those of them that did not go well. */
  readonly #failed = { overload: 0, ignore: 0 };
  readonly #rejected: Record<SemaphoreErrorCode, number> = {
    ERR_SEMAPHORE_QUEUE_FULL: 0,
    ERR_SEMAPHORE_WAIT_TIMEOUT: 0,
    ERR_SEMAPHORE_WAIT_TOO_LONG: 0,
    ERR_SEMAPHORE_CLOSED: 0,
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

  /** Permits out. */
  get held(): number {
    return this.#held;
  }

  /** Waiters in line. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Refusals so far. */
  get rejected(): number {
    return this.#refused;
  }

  /**
   * Enters in `parent`, too, whatever is entered here from now on, as done by `key`. Durations are measured there, and
   * here no more.
   */
  reportTo(parent: StatsRecorder, key: string): void {
    this.#parent = parent;
    this.#key = key;
  }

  /**
   * Counts a grant, to `waiter` if it was in line, and returns what its permit has to call when it comes back: `takeBack`,
   * or something that calls it and measures.
   */
  grant(weight: number, takeBack: OnRelease, waiter?: Waiter): OnRelease {
    this.#acquired++;
    const parent = this.#parent;
    if (parent !== undefined) {
      // What is held matters here only for keys: a limiter by itself knows it.
      this.#held += weight;
      parent.#held += weight;
      parent.#acquired++;
    }
    if (acquireChannel.hasSubscribers) this.#publishGrant(weight, waiter);
    const isTimed = (parent ?? this).#durations !== undefined || releaseChannel.hasSubscribers;
    return isTimed ? this.#timed(takeBack) : takeBack;
  }

  /** Apart, so that the engine has room to put the rest of a grant in line. */
  #publishGrant(weight: number, waiter: Waiter | undefined): void {
    publish('acquire', { ...this.#source(), weight, ...waitOf(waiter, this.#clock) });
  }

  /** Counts a permit that is back. */
  release(weight: number, outcome: Outcome): void {
    this.#released++;
    if (outcome !== 'success') this.#failed[outcome]++;
    if (this.#parent === undefined) return;
    this.#held -= weight;
    this.#parent.#held -= weight;
    this.#parent.release(weight, outcome);
  }

  /** Counts a refusal, of `waiter` if it was in line, and hands back its error. */
  reject<Refusal extends SemaphoreError>(error: Refusal, waiter?: Waiter): Refusal {
    this.#countRefusal(error.code);
    if (CHANNELS.reject.hasSubscribers) {
      publish('reject', { ...this.#source(), code: error.code, ...waitOf(waiter, this.#clock) });
    }
    return error;
  }

  /** Counts a call that its signal ended: `waiter`, if it was in line. */
  abort(waiter?: Waiter): void {
    this.#countAbort();
    if (CHANNELS.reject.hasSubscribers) {
      publish('reject', { ...this.#source(), code: undefined, ...waitOf(waiter, this.#clock) });
    }
  }

  /** Counts `waiter`, who joins a line of `length`, and notes the time if its is taken. */
  enqueue(waiter: Waiter, length: number): void {
    this.#countWaiter(1);
    const isTold = areWaitsTold();
    if (isTold) publishQueued(waiter, this.#source());
    if (length < SHORT_LINE || isTold || this.#measured !== undefined) waiter.standsFor = 1;
    else if (++this.#untimed === SAMPLE) {
      waiter.standsFor = SAMPLE;
      this.#untimed = 0;
    } else return;
    waiter.since = this.#clock.now();
  }

  /** Adds up how long `waiter` stood in line. */
  dequeue(waiter: Waiter): void {
    this.#countWaiter(-1);
    if (waiter.standsFor === 0) return;
    const now = this.#clock.now();
    const ms = now - waiter.since;
    this.#addWait(waiter.standsFor * ms);
    this.#measured?.wait.record(ms, now);
  }

  /** Counts a lease that ended before it was released, beside the `release` of what it held. */
  leaseLost(weight: number, error: LeaseLostError): void {
    this.#countRefusal(error.code);
    if (CHANNELS.lost.hasSubscribers) publish('lost', { ...this.#source(), weight });
  }

  /** Notes that the limit is `permits` from now on. */
  changeLimit(previous: number, permits: number): void {
    if (previous === permits) return;
    (this.#limits ??= new LimitHistory()).add(permits, this.#clock.now());
    if (CHANNELS.limit.hasSubscribers) publish('limit', { ...this.#source(), permits, previous });
  }

  /** What a limiter reports, frozen. */
  limiterStats(
    limiter: Pick<LimiterStats, 'permits' | 'held' | 'available' | 'waiting'>,
    releasesPerMs: number | undefined,
  ): LimiterStats {
    const { permits, held, available, waiting } = limiter;
    return Object.freeze({
      ...this.#gateStats(),
      permits,
      held,
      available,
      waiting,
      releasesPerSecond: releasesPerMs === undefined ? undefined : releasesPerMs * 1_000,
      limits: this.#limits?.snapshot(this.#clock.now()) ?? NO_LIMITS,
    });
  }

  /** What a map of limiters reports of all of them, frozen. */
  keyedStats(keys: number, busyKeys: number): KeyedStats {
    return Object.freeze({ ...this.#gateStats(), keys, busyKeys });
  }

  /** Where durations are measured, if they are. */
  get #measured(): { readonly wait: Durations; readonly hold: Durations } | undefined {
    return this.#parent === undefined ? this.#durations : this.#parent.#durations;
  }

  #gateStats(): BaseStats {
    this.#durations ??=
      this.#parent === undefined ? { wait: new Durations(), hold: new Durations() } : undefined;
    const { overload, ignore } = this.#failed;
    return {
      name: this.#name,
      held: this.#held,
      waiting: this.#waiting,
      acquired: this.#acquired,
      released: Object.freeze({ success: this.#released - overload - ignore, overload, ignore }),
      rejected: Object.freeze({ ...this.#rejected }),
      aborted: this.#aborted,
      waitedMs: this.#waitedMs,
      wait: this.#durations?.wait.snapshot(this.#clock.now()) ?? NO_DURATIONS,
      hold: this.#durations?.hold.snapshot(this.#clock.now()) ?? NO_DURATIONS,
    };
  }

  /** By itself, since a function that makes a closure pays for its variables even where it makes none. */
  #timed(takeBack: OnRelease): OnRelease {
    const hold = this.#measured?.hold;
    const since = this.#clock.now();
    return (weight, outcome) => {
      const now = this.#clock.now();
      hold?.record(now - since, now);
      if (releaseChannel.hasSubscribers) {
        publish('release', { ...this.#source(), weight, outcome, holdMs: now - since });
      }
      takeBack(weight, outcome);
    };
  }

  /** Whom messages name. */
  #source(): LimiterMessage {
    const parent = this.#parent;
    return { name: parent === undefined ? this.#name : (parent.#name ?? this.#name), key: this.#key };
  }

  #countRefusal(code: SemaphoreErrorCode): void {
    this.#rejected[code]++;
    this.#refused++;
    if (this.#parent !== undefined) this.#parent.#countRefusal(code);
  }

  #countAbort(): void {
    this.#aborted++;
    if (this.#parent !== undefined) this.#parent.#countAbort();
  }

  #countWaiter(change: 1 | -1): void {
    this.#waiting += change;
    if (this.#parent !== undefined) this.#parent.#countWaiter(change);
  }

  #addWait(ms: number): void {
    this.#waitedMs += ms;
    if (this.#parent !== undefined) this.#parent.#addWait(ms);
  }
}

const NO_LIMITS: LimiterStats['limits'] = Object.freeze([]);
