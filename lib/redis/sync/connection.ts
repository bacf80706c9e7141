import { AsyncResource } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import { systemClock } from '../../internal/clock.js';
import { describe } from '../../internal/validate.js';
import { isNoScript } from '../clients/adapter.js';
import type { RedisAdapter } from '../clients/adapter.js';
import { CircuitBreaker } from './circuit-breaker.js';
import { adaptIoRedis, isIoRedis } from '../clients/ioredis.js';
import type { IoRedisClient } from '../clients/ioredis.js';
import type { KeyNames } from './keys.js';
import { adaptNodeRedis, isNodeRedis } from '../clients/node-redis.js';
import type { NodeRedisClient } from '../clients/node-redis.js';
import { parseMessage } from './sync-reply.js';
import type { GrantMessage } from './sync-reply.js';
import { CHANNEL, syncScript } from './sync-script.js';
import { adaptValkeyGlide, isValkeyGlide } from '../clients/valkey-glide.js';
import type { ValkeyGlideClient } from '../clients/valkey-glide.js';

/** A client of one of the libraries that `RedisSemaphore` knows. */
export type RedisClient = NodeRedisClient | IoRedisClient | ValkeyGlideClient;

/** Who wants to hear of a key. */
export interface KeyListener {
  granted(grants: GrantMessage['grants']): void;
  /** Messages may have been lost. */
  resubscribed(): void;
}

const connections = new WeakMap<object, Connection>();

/** One client of this process: the node that the servers know by its id, and to which grants are addressed. */
export class Connection {
  readonly id = randomBytes(6).toString('base64url');
  readonly #adapter: RedisAdapter;
  readonly #listeners = new Map<string, Set<KeyListener>>();
  readonly #context = new AsyncResource('RedisSemaphore', { requireManualDestroy: true });
  #breaker: CircuitBreaker | undefined;
  #lastSeq = 0;
  #subscribing: Subscribing | undefined;

  private constructor(adapter: RedisAdapter) {
    this.#adapter = adapter;
  }

  /** The one connection that all limits of `client` share. */
  static of(client: RedisClient): Connection {
    let connection = connections.get(client);
    if (connection === undefined) {
      connection = new Connection(adapt(client));
      connections.set(client, connection);
    }
    return connection;
  }

  /** A number that no other ask of this node has, short to write. */
  nextSeq(): string {
    return (++this.#lastSeq).toString(36);
  }

  /** Servers that can fail apart from each other must not take each other's keys down. */
  breaker(timeoutMs: number): CircuitBreaker {
    if (this.#adapter.isCluster) return new CircuitBreaker(timeoutMs, systemClock);
    return (this.#breaker ??= new CircuitBreaker(timeoutMs, systemClock));
  }

  /** Calls `work` apart from the async context that happens to be there. */
  detached<Result>(work: () => Result): Result {
    return this.#context.runInAsyncScope(work);
  }

  async sync(keys: KeyNames, args: readonly string[]): Promise<unknown> {
    try {
      return await this.#adapter.evalSha(syncScript().sha, keys, args);
    } catch (error) {
      if (!isNoScript(error)) throw error;
      return this.#adapter.eval(syncScript().text, keys, args);
    }
  }

  /** Passes `listener` all that is published to this node about `key`, until it is told to stop. */
  listen(key: string, listener: KeyListener): void {
    const listeners = this.#listeners.get(key);
    if (listeners === undefined) this.#listeners.set(key, new Set([listener]));
    else listeners.add(listener);
    this.#subscribe();
  }

  unlisten(key: string, listener: KeyListener): void {
    const listeners = this.#listeners.get(key);
    if (listeners?.delete(listener) === true && listeners.size === 0) this.#listeners.delete(key);
  }

  /** Resolves once a message published from within Redis has come back to this node; rejects if one of the ways is barred. */
  async requireWakeUps(key: string): Promise<void> {
    await this.#subscribe().stands;
    await this.#adapter.eval(
      `return redis.call('PUBLISH', ARGV[1], ARGV[2])`,
      [key],
      [this.#ownChannel, ' '],
    );
  }

  get #ownChannel(): string {
    return CHANNEL + this.id;
  }

  #subscribe(): Subscribing {
    if (this.#subscribing !== undefined) return this.#subscribing;
    const subscribing = (this.#subscribing = new Subscribing());
    this.detached(() => {
      this.#adapter.subscribe(this.#ownChannel, {
        message: (message) => {
          const { key, grants } = parseMessage(message);
          for (const listener of this.#listeners.get(key) ?? []) listener.granted(grants);
        },
        subscribed: () => {
          subscribing.succeed();
          for (const listeners of this.#listeners.values()) {
            for (const listener of listeners) listener.resubscribed();
          }
        },
        failed: (error) => {
          subscribing.fail(error);
        },
      });
    });
    return subscribing;
  }
}

/** Whether the subscription has come to stand; the latest news counts. */
class Subscribing {
  stands!: Promise<void>;
  succeed!: () => void;
  fail!: (error: unknown) => void;

  constructor() {
    this.#renew();
  }

  #renew(): void {
    this.stands = new Promise((resolve, reject) => {
      this.succeed = resolve;
      this.fail = (error) => {
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- it is the client's own
        reject(error);
        this.#renew();
      };
    });
    this.stands.catch(() => undefined);
  }
}

function adapt(client: unknown): RedisAdapter {
  if (typeof client === 'object' && client !== null) {
    if (isNodeRedis(client)) return adaptNodeRedis(client);
    if (isIoRedis(client)) return adaptIoRedis(client);
    if (isValkeyGlide(client)) return adaptValkeyGlide(client);
  }
  throw new TypeError(
    `client must be a client of node-redis, ioredis or valkey-glide, got ${describe(client)}`,
  );
}
