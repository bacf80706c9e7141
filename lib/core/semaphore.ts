import { withoutStacks } from '../errors.js';
import type { SemaphoreError } from '../errors.js';
import { checkOptionNames, throwIfAborted, checkWaitOptions, ONE, readRequest } from './acquire-options.js';
import type { Clock } from '../internal/clock.js';
import { DECIDE } from './decide.js';
import type { AcquireRequest, Decision } from './decide.js';
import { Lifecycle } from './lifecycle.js';
import { LimiterBase } from './limiter-base.js';
import type {
  AcquireOptions,
  IdleOptions,
  LimiterStats,
  Outcome,
  Permit,
  TryAcquireOptions,
} from './limiter.js';
import { mapWithPermits } from './map.js';
import { WaitQueue } from './wait-queue.js';
import { createQueue } from '../orders/index.js';
import { leaveOf, shownSignal } from './leave.js';
import type { WaitSignal } from './leave.js';
import { HoldWatch } from './hold-watch.js';
import { HeldPermit } from './permit.js';
import { readSemaphoreOptions, SEMAPHORE_CHECKS } from './semaphore-options.js';
import type { SemaphoreOptions } from './semaphore-options.js';
import { STATS, StatsRecorder } from './stats-recorder.js';
import { readOptions } from '../internal/options.js';
import { aboveLimit, requireInteger } from '../internal/validate.js';
import { Waiter } from './waiter.js';
import type { LeaveReason } from './waiter.js';

/**
 * A counting semaphore for one process: at most `permits` are held at once, and further callers wait in a queue.
 *
 * A release grants to the next waiter synchronously. No newcomer overtakes a waiter, and no permit stays free while the
 * head of the queue fits. A heavy head gathers permits until it has enough.
 *
 * A caller whose expected wait exceeds its `maxWaitMs` is rejected at once with a `WaitTooLongError`. The expected wait
 * follows from the measured release rate; a caller that finds nobody ahead is never rejected for it.
 *
 * @throws `TypeError` or `RangeError` from the constructor and `resize`, with the option and the value.
 *
 * @example
 * ```ts
 * import { Semaphore } from 'express-semaphore';
 *
 * const downloads = new Semaphore(2, { name: 'downloads', queueLimit: 50, maxWaitMs: 1_000 });
 * const size = await downloads.run(() => download('https://example.org'));
 *
 * const sizes = await downloads.map(['https://example.org/a', 'https://example.org/b'], download);
 *
 * async function download(url: string) {
 *   return url.length;
 * }
 * ```
 */
export class Semaphore extends LimiterBase {
  readonly #queue: WaitQueue;
  #maxWaitMs: number;
  readonly #holdWatch: HoldWatch;
  /** Whether a permit may have a timer, or is counted for its flow. */
  readonly #watchesHolds: boolean;
  /** Whether a call without options needs only a free permit, while nobody waits. */
  readonly #isPlain: boolean;
  readonly #clock: Clock;
  /** Timer of `#watchHead`. */
  #headTimer: unknown;
  readonly #stats: StatsRecorder;
  readonly #lifecycle: Lifecycle;

  #permits: number;
  #isPaused = false;
  #held = 0;

  /** `permits` is how many may be held at once. With 0 everybody waits for a `resize`. */
  constructor(permits: number, options: SemaphoreOptions = {}) {
    const { name, queueLimit, maxWaitMs, order, warnHeldMs, maxHoldMs, clock } =
      readSemaphoreOptions(options);
    requireInteger('permits', permits, 0);
    super();
    this.#stats = new StatsRecorder(name, clock);
    this.#lifecycle = new Lifecycle(this.#stats);
    this.#queue = new WaitQueue(permits, createQueue(order, permits), queueLimit, this.#lifecycle, clock);
    this.#permits = permits;
    this.#maxWaitMs = maxWaitMs;
    this.#holdWatch = new HoldWatch(this.#stats, warnHeldMs, maxHoldMs, clock);
    this.#watchesHolds = !this.#holdWatch.isOff || this.#queue.hasShares;
    this.#isPlain = !this.#watchesHolds && !this.#queue.hasReserve;
    this.#clock = clock;
  }

  /** @internal */
  override get [STATS](): StatsRecorder {
    return this.#stats;
  }

  override get permits(): number {
    return this.#permits;
  }

  override get held(): number {
    return this.#held;
  }

  override get waiting(): number {
    return this.#queue.size;
  }

  override get queueLimit(): number {
    return this.#queue.limit;
  }

  override get maxWaitMs(): number {
    return this.#maxWaitMs;
  }

  override get closed(): boolean {
    return this.#lifecycle.isClosed;
  }

  override get paused(): boolean {
    return this.#isPaused;
  }

  /**
   * Waits for a permit. The caller must release it.
   *
   * Never throws synchronously. Rejects with a `SemaphoreError` when the limiter rejects the call, with `signal.reason`
   * after an abort, and with a `TypeError` or `RangeError` for a bad option.
   *
   * An aborted signal never acquires. A grant is final, even if the signal aborts before the caller sees it.
   */
  override acquire(options?: AcquireOptions): Promise<Permit> {
    try {
      if (options === undefined) return this.#acquire(ONE, this.#maxWaitMs);
      checkOptionNames('acquire', options);
      const { maxWaitMs = this.#maxWaitMs, onQueued, maxHoldMs } = options;
      const leave = leaveOf(options);
      const signal = leave === undefined ? options.signal : undefined;
      const request = readRequest(options);
      checkWaitOptions(maxWaitMs, signal, onQueued, maxHoldMs);
      const acquired = this.#acquire(request, maxWaitMs, leave ?? signal, onQueued);
      return maxHoldMs === undefined ? acquired : this.#holdWatch.limit(acquired, maxHoldMs);
    } catch (error) {
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- an abort rejects with its reason
      return Promise.reject(error);
    }
  }

  override tryAcquire(options?: TryAcquireOptions): Permit | undefined {
    const isFree = this.#isPlain && this.#held < this.#queue.permits && this.#queue.size === 0;
    if (options !== undefined || !isFree || this.#lifecycle.isClosed) return this.#tryAcquire(options);
    // The usual call, with so little code that V8 inlines it.
    const permit = new HeldPermit(1, this.#stats.grant(1, this.#onRelease));
    this.#held++;
    return permit;
  }

  #tryAcquire(options: TryAcquireOptions | undefined): Permit | undefined {
    if (options !== undefined) checkOptionNames('tryAcquire', options);
    const request = options === undefined ? ONE : readRequest(options);
    if (this.#isFree(request)) return this.#grant(request);
    this.#throwIfHopeless(request);
    this.#stats.rejectWithCode('ERR_SEMAPHORE_WAIT_TIMEOUT');
    return undefined;
  }

  /**
   * Calls `work` with each item, each with a permit of its own, and resolves with the results in the order of the items.
   * `options` apply to each permit.
   *
   * It pulls an item when the previous one has its permit. After the first error or an abort it pulls no more, and the
   * signals of the permits abort. It rejects when the work that runs has settled.
   */
  map<Item, Result>(
    items: Iterable<Item> | AsyncIterable<Item>,
    work: (item: Item, permit: Permit) => Result | PromiseLike<Result>,
    options?: AcquireOptions,
  ): Promise<Result[]> {
    return mapWithPermits(this, items, work, options);
  }

  /** @internal */
  [DECIDE](request: AcquireRequest, maxWaitMs: number): Decision {
    if (this.#isFree(request)) return this.#grant(request);
    return withoutStacks(() => this.#rejectionOf(request, maxWaitMs)) ?? 'wait';
  }

  /**
   * Changes the limit. More permits serve the next waiters at once. Fewer revoke nothing: they take effect when permits
   * are released. A waiter that weighs more than the new limit is rejected with a `RangeError`.
   *
   * 0 is a pause, too: held permits stay valid, and every waiter waits, whatever its weight.
   */
  resize(permits: number): void {
    requireInteger('permits', permits, 0);
    const previous = this.#permits;
    this.#stats.changeLimit(previous, permits);
    this.#permits = permits;
    // After a limit of 0 the new one may be smaller than the one before it.
    if (permits < previous || previous === 0) this.#rejectTooHeavy();
    this.#applyLimit();
  }

  /**
   * Stops granting until `resume()`. It rejects nobody: callers queue within `queueLimit` and `maxWaitMs`, as while all
   * permits are held. Held permits stay valid, and `permits` keeps its value.
   */
  pause(): void {
    this.#isPaused = true;
    this.#applyLimit();
  }

  /** Ends a pause and serves the queue. The pause does not count for the release rate. */
  resume(): void {
    this.#isPaused = false;
    this.#applyLimit();
  }

  /** Rejects all waiters with a `QueueClearedError` whose `cause` is `reason`. Later callers may queue again. */
  clear(reason?: unknown): void {
    this.#rejectAll((waiter) => this.#lifecycle.queueCleared(reason, waiter));
  }

  /**
   * Changes options at run time, for later callers. Waiters stay, also beyond a smaller `queueLimit`, and keep the
   * `maxWaitMs` of their arrival. An option that is not given keeps its value.
   *
   * @throws `TypeError` or `RangeError` for a bad option. Then nothing changes.
   */
  update(options: Pick<SemaphoreOptions, 'queueLimit' | 'maxWaitMs'> = {}): void {
    const { queueLimit, maxWaitMs } = SEMAPHORE_CHECKS;
    const read = readOptions('update', options, { queueLimit, maxWaitMs });
    this.#queue.limit = read.queueLimit ?? this.#queue.limit;
    this.#maxWaitMs = read.maxWaitMs ?? this.#maxWaitMs;
  }

  override close(reason?: unknown): void {
    if (this.#lifecycle.close(reason)) this.#rejectAll((waiter) => this.#lifecycle.closedError(waiter));
  }

  override idle(options?: IdleOptions): Promise<void> {
    return this.#lifecycle.idle(this.#isIdle(), options);
  }

  override stats(): LimiterStats {
    return this.#stats.limiterStats(this, this.#queue.ratePerMs());
  }

  #acquire(
    request: AcquireRequest,
    maxWaitMs: number,
    signal?: WaitSignal,
    onQueued?: AcquireOptions['onQueued'],
  ): Promise<Permit> {
    if (signal !== undefined) throwIfAborted(signal, this.#stats);
    this.#throwIfHopeless(request);
    if (this.#isFree(request)) return Promise.resolve(this.#grant(request, shownSignal(signal)));
    if (maxWaitMs === 0) throw this.#lifecycle.waitTimeout(this.#queue.retryAfterMs());
    if (onQueued !== undefined) {
      onQueued(this.#queue.announce(request, maxWaitMs));
      // The listener may have used this limiter, so the call is decided again.
      return this.#acquire(request, maxWaitMs, signal);
    }
    if (maxWaitMs !== Infinity || this.#queue.isFull) this.#queue.admit(request, maxWaitMs);
    return new Promise((resolve, reject) => {
      const waiter = new Waiter(request, signal, this.#clock.now(), resolve, reject);
      this.#holdWatch.mark(waiter);
      if (signal !== undefined || maxWaitMs !== Infinity)
        waiter.limitWait(this.#onLeave, maxWaitMs, this.#clock);
      this.#queue.enqueue(waiter);
      // Its arrival may have made the order reject a head that was too heavy for the free permits.
      if (this.#held < this.#queue.permits || this.#queue.isTimed) this.#serve();
    });
  }

  /** The rejection of a newcomer that finds no free permit, if it is certain on arrival. */
  #rejectionOf(request: AcquireRequest, maxWaitMs: number): SemaphoreError | undefined {
    if (this.#lifecycle.isClosed) return this.#lifecycle.closedError();
    this.#throwIfHopeless(request);
    if (maxWaitMs === 0) return this.#lifecycle.waitTimeout(this.#queue.retryAfterMs());
    return this.#queue.rejectionOf(request, maxWaitMs);
  }

  #isFree(request: AcquireRequest): boolean {
    const { weight, priority } = request;
    if (this.#held + weight > this.#queue.permitsFor(priority) || this.#lifecycle.isClosed) return false;
    return (this.#queue.size === 0 && !this.#queue.hasShares) || this.#queue.isNext(request);
  }

  /** Throws where no release can ever help the call. */
  #throwIfHopeless(request: AcquireRequest): void {
    if (this.#lifecycle.isClosed) throw this.#lifecycle.closedError();
    const error = this.#tooHeavy(request);
    if (error !== undefined) throw error;
  }

  /** The error of a request above the limit. While the limit is 0, no weight is too heavy. */
  #tooHeavy(request: AcquireRequest): RangeError | undefined {
    if (this.#permits === 0) return undefined;
    const heaviest = this.#queue.heaviest(request, this.#permits);
    return request.weight > heaviest ? aboveLimit('weight', request.weight, heaviest) : undefined;
  }

  #rejectTooHeavy(): void {
    for (const waiter of this.#queue) {
      const error = this.#tooHeavy(waiter);
      if (error !== undefined) this.#queue.reject(waiter, error);
    }
  }

  #rejectAll(errorOf: (waiter: Waiter) => SemaphoreError): void {
    for (const waiter of this.#queue) this.#queue.reject(waiter, errorOf(waiter));
    this.#watchHead();
    this.#noticeIdle();
  }

  /** Serves with the present limit. A pause is a limit of 0. */
  #applyLimit(): void {
    this.#queue.changePermits(this.#isPaused ? 0 : this.#permits);
    this.#serve();
  }

  #isIdle(): boolean {
    return this.#held === 0 && this.#queue.size === 0;
  }

  #grant(request: AcquireRequest, signal?: AbortSignal, waiter?: Waiter, waitedMs = 0): Permit {
    const { weight } = request;
    const permit = this.#watchesHolds
      ? this.#watchedGrant(request, signal, waiter, waitedMs)
      : new HeldPermit(weight, this.#stats.grant(weight, this.#onRelease, waiter), signal, waitedMs);
    // Last, because a clock that throws must not cost a permit.
    this.#held += weight;
    return permit;
  }

  /** A grant whose permit has timers or is counted for its flow. `shift` counts a waiter's. */
  #watchedGrant(request: AcquireRequest, signal?: AbortSignal, waiter?: Waiter, waitedMs = 0): Permit {
    const { weight, flow } = request;
    const onRelease = this.#queue.hasShares ? this.#queue.releaseOf(flow, this.#onRelease) : this.#onRelease;
    const permit = this.#holdWatch.grant(weight, onRelease, signal, waiter, waitedMs);
    if (waiter === undefined && this.#queue.hasShares) this.#queue.hold(flow, weight);
    return permit;
  }

  readonly #onRelease = (weight: number, outcome: Outcome | undefined): void => {
    const held = this.#held - weight;
    this.#held = held;
    this.#stats.release(weight, outcome);
    if (this.#queue.size > 0) this.#serve();
    else if (held === 0) this.#lifecycle.noticeIdle();
  };

  readonly #onLeave = (waiter: Waiter, why: LeaveReason): void => {
    if (why === 'abort') this.#abort(waiter);
    else this.#queue.reject(waiter, this.#lifecycle.waitTimeout(this.#queue.retryAfterMs(), waiter));
    // The waiter may have been the head and too heavy for the free permits; the next may fit.
    this.#serve();
  };

  /** Grants to the head of the queue while it fits. A grant runs no code of the caller. */
  #serve(): void {
    // One clock read for all grants of a release.
    let now = this.#queue.prepare();
    for (let head = this.#queue.first; head !== undefined; head = this.#queue.first) {
      // An aborted signal never acquires, even while it still calls other listeners.
      if (head.signal?.aborted === true) this.#abort(head);
      else if (this.#held + head.weight <= this.#queue.permitsFor(head.priority)) {
        now ??= this.#clock.now();
        const permit = this.#grant(head, shownSignal(head.signal), head, now - head.since);
        this.#queue.shift(head, now);
        head.grant(permit);
      } else break;
    }
    if (this.#headTimer !== undefined || this.#held < this.#queue.permits) this.#watchHead();
    this.#noticeIdle();
  }

  /** Serves again when the head changes with time. Only a head that is too heavy for the free permits is watched. */
  #watchHead(): void {
    if (this.#headTimer !== undefined) this.#clock.clearTimer(this.#headTimer);
    this.#headTimer = undefined;
    const delayMs = this.#held < this.#queue.permits ? this.#queue.headChangesInMs() : Infinity;
    if (delayMs === Infinity) return;
    this.#headTimer = this.#clock.setTimer(() => {
      this.#headTimer = undefined;
      this.#serve();
    }, delayMs);
  }

  #abort(waiter: Waiter): void {
    this.#stats.abort(waiter);
    this.#queue.reject(waiter, waiter.signal?.reason);
  }

  #noticeIdle(): void {
    if (this.#isIdle()) this.#lifecycle.noticeIdle();
  }
}
