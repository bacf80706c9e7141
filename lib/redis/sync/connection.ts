import { randomBytes } from 'node:crypto';
import { systemClock } from '../../internal/clock.js';
import type { Clock } from '../../internal/clock.js';
import { runInRootContext } from '../../internal/root-context.js';
import { describe } from '../../internal/validate.js';
import { isNoScript } from '../clients/adapter.js';
import type { RedisAdapter } from '../clients/adapter.js';
import { adaptIoRedis, isIoRedis } from '../clients/ioredis.js';
import type { IoRedisClient } from '../clients/ioredis.js';
import { adaptNodeRedis, isNodeRedis } from '../clients/node-redis.js';
import type { NodeRedisClient } from '../clients/node-redis.js';
import { adaptValkeyGlide, isValkeyGlide } from '../clients/valkey-glide.js';
import type { ValkeyGlideClient } from '../clients/valkey-glide.js';
import { CircuitBreaker } from './circuit-breaker.js';
import type { KeyNames } from './keys.js';
import { CHANNEL, CHECK_SOURCE, syncScript } from './sync-script.js';
import type { Script } from './sync-script.js';
import { WakeUps } from './wake-ups.js';
import type { RedisWaiter } from '../redis-waiter.js';

/** A client of one of the libraries that `RedisSemaphore` supports. */
export type RedisClient = NodeRedisClient | IoRedisClient | ValkeyGlideClient;

/** Something that has operations to send. */
export interface Sender {
  /** Time at which the most urgent of them is due, on the clock of this process. */
  readonly dueAt: number;
  send(): void;
}

/**
 * Maximum number of scripts in flight. More would not go faster, and after an outage the most urgent of many limits could
 * not go first.
 */
const MAX_IN_FLIGHT = 256;

const connections = new WeakMap<object, Connection>();

/** Timers that outlive the request that made them keep nothing of it alive. */
export const rootClock: Clock = {
  now: () => systemClock.now(),
  setTimer: (fire, delayMs, background) =>
    runInRootContext(() => systemClock.setTimer(fire, delayMs, background)),
  clearTimer: (timer) => {
    systemClock.clearTimer(timer);
  },
};

/** Thrown when the user of the client lacks a right of the script. */
export class MissingRightsError extends Error {}

/** One client of this process. Redis knows it as a node by its id, and publishes grants to it. */
export class Connection {
  readonly id = randomBytes(6).toString('base64url');
  readonly #adapter: RedisAdapter;
  readonly #wakeUps: WakeUps;
  #circuitBreaker: CircuitBreaker | undefined;
  #lastSeq = 0;
  #backlog: Sender[] = [];
  #isSorted = true;
  #isScheduled = false;
  readonly #inFlight = new Set<object>();

  private constructor(adapter: RedisAdapter) {
    this.#adapter = adapter;
    this.#wakeUps = new WakeUps(adapter, CHANNEL + this.id, rootClock);
  }

  /** The connection that all limits of `client` share. */
  static of(client: RedisClient): Connection {
    let connection = connections.get(client);
    if (connection === undefined) {
      connection = new Connection(adapt(client));
      connections.set(client, connection);
    }
    return connection;
  }

  get isCluster(): boolean {
    return this.#adapter.isCluster;
  }

  /** Whether published grants arrive. Otherwise waiters find theirs by asking. */
  get hasWakeUps(): boolean {
    return this.#wakeUps.isSubscribed;
  }

  /** A name that no other member of this node has. */
  nextSeq(): string {
    return (++this.#lastSeq).toString(36);
  }

  /** The servers of a cluster fail independently, so each limit of a cluster has its own circuit breaker. */
  circuitBreaker(timeoutMs: number): CircuitBreaker {
    if (this.#adapter.isCluster) return new CircuitBreaker(timeoutMs, rootClock);
    return (this.#circuitBreaker ??= new CircuitBreaker(timeoutMs, rootClock));
  }

  /** Lets `sender` send at the end of this turn of the event loop, or when fewer scripts are in flight. */
  schedule(sender: Sender): void {
    this.#backlog.push(sender);
    this.#isSorted = false;
    this.#scheduleFlush();
  }

  /** Notes that a script is in flight. */
  started(call: object): void {
    this.#inFlight.add(call);
  }

  /** Notes that a script is answered, or that nobody waits for its answer. */
  finished(call: object): void {
    if (this.#inFlight.delete(call) && this.#backlog.length > 0) this.#scheduleFlush();
  }

  async run(keys: KeyNames, args: string): Promise<unknown> {
    const reply = await this.runScript(syncScript(), keys, [args]);
    this.#wakeUps.serverAnswered();
    return reply;
  }

  async runScript({ sha, text }: Script, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    try {
      return await this.#adapter.evalSha(sha, keys, args);
    } catch (error) {
      if (!isNoScript(error)) throw error;
      return this.#adapter.eval(text, keys, args);
    }
  }

  /** Why published grants do not arrive, if there is a reason. */
  get wakeUpError(): unknown {
    return this.#wakeUps.error;
  }

  /** Whether Redis itself answered with this error. */
  isReply(error: unknown): boolean {
    return this.#adapter.isReply(error);
  }

  /** Subscribes to this node's channel, if that has not been done or is over. */
  listen(): void {
    this.#wakeUps.start();
  }

  /** Names `waiter`, and passes on what is published to it. */
  addWaiter(waiter: RedisWaiter): void {
    this.#wakeUps.add(waiter, this.nextSeq());
    this.#wakeUps.start();
  }

  removeWaiter(waiter: RedisWaiter): void {
    this.#wakeUps.remove(waiter);
  }

  waiter(seq: string): RedisWaiter | undefined {
    return this.#wakeUps.get(seq);
  }

  /**
   * Resolves to the server's eviction policy, or `''` if it evicts nothing. A policy counts even without a `maxmemory`,
   * which can be set later.
   *
   * @throws `MissingRightsError` that names the commands for which the user has no right.
   */
  async checkRights(keys: KeyNames): Promise<string> {
    const reply = await this.#adapter.eval(CHECK_SOURCE, keys, [CHANNEL + this.id]);
    const [errors, policy] = reply as [unknown[], unknown];
    if (errors.length > 0) throw new MissingRightsError(errors.map(String).join('; '));
    return String(policy) === 'noeviction' ? '' : String(policy);
  }

  /** Resolves when a message has made the way through Redis to this node. */
  proveWakeUps(keys: KeyNames, signal: AbortSignal): Promise<void> {
    return this.#wakeUps.prove((message) => this.#publish(keys, message), signal);
  }

  /** Tests the subscription, because a message to this node was lost. */
  doubtWakeUps(keys: KeyNames): void {
    void this.#wakeUps.doubt((message) => this.#publish(keys, message));
  }

  #publish(keys: KeyNames, message: string): Promise<unknown> {
    const args = [CHANNEL + this.id, message];
    return this.#adapter.eval(`return redis.call('PUBLISH', ARGV[1], ARGV[2])`, keys, args);
  }

  #scheduleFlush(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    runInRootContext(() => setImmediate(this.#flush));
  }

  readonly #flush = (): void => {
    this.#isScheduled = false;
    const free = MAX_IN_FLIGHT - this.#inFlight.size;
    if (this.#backlog.length > free && !this.#isSorted) {
      this.#backlog.sort((a, b) => a.dueAt - b.dueAt);
      this.#isSorted = true;
    }
    for (const sender of this.#backlog.splice(0, Math.max(0, free))) sender.send();
  };
}

function adapt(client: unknown): RedisAdapter {
  if (typeof client === 'object' && client !== null) {
    if (('evalSha' in client || 'evalsha' in client) && !('duplicate' in client)) {
      throw new TypeError(
        'client must be what createClient() returns, not a pool and not the legacy() client of one',
      );
    }
    if (isNodeRedis(client)) return adaptNodeRedis(client);
    if (isIoRedis(client)) return adaptIoRedis(client);
    if (isValkeyGlide(client)) return adaptValkeyGlide(client);
  }
  throw new TypeError(
    `client must be a client of node-redis, ioredis or valkey-glide, got ${describe(client)}`,
  );
}
