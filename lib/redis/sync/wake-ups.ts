import type { Clock } from '../../internal/clock.js';
import { runInRootContext } from '../../internal/root-context.js';
import { warnOnce } from '../../internal/warn.js';
import type { RedisAdapter, Subscription } from '../clients/adapter.js';
import { parseMessage } from './sync-reply.js';
import type { RedisWaiter } from '../redis-waiter.js';

/** Time between two looks at a subscription that is not active, in milliseconds. */
const LOOK_MS = 1_000;
/** Looks after which the process warns that it polls, if Redis answers meanwhile. */
const LOOKS_BEFORE_WARNING = 5;
/** Start of a message that a node sends to itself. */
const ECHO = '!';
/** Time after which an echo that has not arrived is sent again, in milliseconds. */
const ECHO_MS = 250;
/** Time after which an active subscription that no echo has reached counts as lost, in milliseconds. */
const DEAF_MS = 2_000;
/** Shortest time between two tests of an active subscription, in milliseconds. */
const DOUBT_MS = 5_000;
/** Time between two looks for a subscription that is being made, in milliseconds. */
const SUBSCRIBE_CHECK_MS = 5;

/**
 * The subscription of one node to its channel. The client restores a lost connection itself; one that it gives up on is
 * replaced, as long as the client is open. Without a subscription the waiters poll, and the process warns once.
 */
export class WakeUps {
  readonly #adapter: RedisAdapter;
  readonly #channel: string;
  readonly #clock: Clock;
  /**
   * All waiters of this node, by the last part of their `seq`. No `Map`: each table that a `Map` grows out of refers to
   * the next one. So one dead table in old space keeps all later tables alive, and their waiters.
   */
  readonly #waiters: (RedisWaiter | undefined)[] = [];
  readonly #freeIndexes: number[] = [];
  #subscription: Subscription | undefined;
  #isSubscribed = false;
  #error: unknown;
  #timer: unknown;
  #looks = 0;
  #answeredAt = -Infinity;
  #doubtedAt = -Infinity;
  readonly #echoes = new Map<string, () => void>();
  #lastEcho = 0;

  constructor(adapter: RedisAdapter, channel: string, clock: Clock) {
    this.#adapter = adapter;
    this.#channel = channel;
    this.#clock = clock;
  }

  get isSubscribed(): boolean {
    return this.#isSubscribed;
  }

  /** Adds a waiter. `prefix` makes its `seq` unique. */
  add(waiter: RedisWaiter, prefix: string): void {
    waiter.index = this.#freeIndexes.pop() ?? this.#waiters.length;
    waiter.seq = `${prefix}-${waiter.index.toString(36)}`;
    this.#waiters[waiter.index] = waiter;
  }

  remove(waiter: RedisWaiter): void {
    this.#waiters[waiter.index] = undefined;
    this.#freeIndexes.push(waiter.index);
  }

  get(seq: string): RedisWaiter | undefined {
    const waiter = this.#waiters[Number.parseInt(seq.slice(seq.indexOf('-') + 1), 36)];
    return waiter?.seq === seq ? waiter : undefined;
  }

  /** Notes that Redis has answered a command. */
  serverAnswered(): void {
    if (!this.#isSubscribed) this.#answeredAt = this.#clock.now();
  }

  /** Subscribes unless a subscription is active or under way. */
  start(): void {
    if (this.#isSubscribed || this.#timer !== undefined) return;
    if (!this.#adapter.isOpen) {
      // A client that is closed during an outage emits nothing, and a subscription that reconnects keeps the process alive.
      this.#subscription?.close();
      return;
    }
    if (this.#subscription === undefined || this.#subscription.isEnded) this.#open();
    this.#timer = this.#clock.setTimer(this.#look, LOOK_MS, true);
  }

  /** Why there is no subscription, if there is a reason. */
  get error(): unknown {
    return this.#error;
  }

  /**
   * Resolves when a message sent with `publish` has arrived. Rejects with the error of `publish`, and with the server's
   * error if that rejects the subscription.
   */
  async prove(publish: (message: string) => Promise<unknown>, signal: AbortSignal): Promise<void> {
    while (!this.#isSubscribed) {
      this.start();
      if (this.#adapter.isReply(this.#error)) throw this.#error;
      signal.throwIfAborted();
      await this.#pause(SUBSCRIBE_CHECK_MS);
    }
    const message = `${ECHO}${++this.#lastEcho}`;
    const arrived = new Promise<void>((resolve) => this.#echoes.set(message, resolve));
    try {
      // GLIDE restores a subscription without an event, and an echo before that is lost.
      while (this.#echoes.has(message)) {
        signal.throwIfAborted();
        await publish(message);
        await Promise.race([arrived, this.#pause(ECHO_MS)]);
      }
    } finally {
      this.#echoes.delete(message);
    }
  }

  /**
   * Tests an active subscription, because a message was lost. A connection can be dead without an event of its client. Then
   * the subscription is replaced.
   */
  async doubt(publish: (message: string) => Promise<unknown>): Promise<void> {
    const subscription = this.#subscription;
    const now = this.#clock.now();
    if (!this.#isSubscribed || now - this.#doubtedAt < DOUBT_MS) return;
    this.#doubtedAt = now;
    const testing = new AbortController();
    const timer = this.#clock.setTimer(
      () => {
        testing.abort(new Error('a message did not arrive'));
      },
      DEAF_MS,
      true,
    );
    try {
      await this.prove(publish, testing.signal);
    } catch (error) {
      // Any other error is one of the client, which tells of a lost connection itself.
      const isDeaf = testing.signal.aborted || this.#adapter.isReply(error);
      if (!isDeaf || this.#subscription !== subscription) return;
      subscription?.close();
      this.#lost(error);
    } finally {
      this.#clock.clearTimer(timer);
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#clock.setTimer(resolve, ms, true));
  }

  #open(): void {
    const previous = this.#subscription;
    this.#subscription = undefined;
    previous?.close();
    // An error that Redis answered may be over. The reason of a client that says less is worth keeping.
    if (this.#adapter.isReply(this.#error)) this.#error = undefined;
    const subscription = runInRootContext(() =>
      this.#adapter.subscribe(this.#channel, {
        message: (message) => {
          this.#receive(message);
        },
        subscribed: () => {
          if (this.#subscription === subscription) this.#subscribed();
        },
        lost: (error) => {
          if (this.#subscription === subscription) this.#lost(error);
        },
      }),
    );
    this.#subscription = subscription;
  }

  #receive(message: string): void {
    if (message.startsWith(ECHO)) {
      this.#echoes.get(message)?.();
      this.#echoes.delete(message);
      return;
    }
    for (const grant of parseMessage(message)) {
      const waiter = this.get(grant.seq);
      waiter?.receiver?.granted(waiter, grant);
    }
  }

  #subscribed(): void {
    this.#isSubscribed = true;
    this.#error = undefined;
    this.#looks = 0;
    const receivers = new Set(this.#waiters.map((waiter) => waiter?.receiver));
    for (const receiver of receivers) receiver?.resubscribed();
  }

  #lost(error: unknown): void {
    this.#isSubscribed = false;
    this.#error = error;
    this.start();
  }

  readonly #look = (): void => {
    this.#timer = undefined;
    if (this.#isSubscribed) return;
    this.#looks++;
    const isRejected = this.#adapter.isReply(this.#error);
    const isServerUp = this.#clock.now() - this.#answeredAt < 2 * LOOK_MS;
    if (isServerUp && (isRejected || this.#looks >= LOOKS_BEFORE_WARNING)) this.#warn();
    this.start();
  };

  #warn(): void {
    const why = this.#error instanceof Error ? `: ${this.#error.message}` : '';
    const what = `a RedisSemaphore polls, because it has no subscription to ${this.#channel}${why}`;
    warnOnce('WARN_SEMAPHORE_POLLING', what, '');
  }
}
