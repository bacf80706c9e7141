import { requireMethods } from '../../internal/validate.js';
import type { Emitter, RedisAdapter, Subscriber, Subscription } from './adapter.js';

/** The part of a node-redis client that is used, version 5 and later. A `RedisClusterType` is one as well. */
export interface NodeRedisClient extends Emitter {
  evalSha(sha: string, options: NodeRedisEvalOptions): Promise<unknown>;
  eval(script: string, options: NodeRedisEvalOptions): Promise<unknown>;
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>;
  duplicate(): NodeRedisSubscriber;
}

interface NodeRedisEvalOptions {
  keys: string[];
  arguments: string[];
}

interface NodeRedisSubscriber extends Emitter {
  connect(): Promise<unknown>;
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>;
  destroy(): unknown;
}

export function isNodeRedis(client: object): client is NodeRedisClient {
  return 'evalSha' in client;
}

export function adaptNodeRedis(client: NodeRedisClient): RedisAdapter {
  requireMethods('client', client, 'evalSha', 'eval', 'subscribe', 'duplicate', 'on', 'off');
  // Without a listener a lost connection would end the process.
  client.on('error', ignore);
  const isCluster = 'slots' in client;
  return {
    isCluster,
    get isOpen() {
      return isOpen(client);
    },
    evalSha: (sha, keys, args) => client.evalSha(sha, { keys: [...keys], arguments: [...args] }),
    eval: (script, keys, args) => client.eval(script, { keys: [...keys], arguments: [...args] }),
    isReply: isErrorReply,
    // A cluster client has a connection for subscriptions itself.
    subscribe: (channel, subscriber) =>
      isCluster
        ? subscribeOnCluster(client, channel, subscriber)
        : subscribeOn(client, client.duplicate(), channel, subscriber),
  };
}

function subscribeOn(
  client: NodeRedisClient,
  connection: NodeRedisSubscriber,
  channel: string,
  subscriber: Subscriber,
): Subscription {
  let isSubscribed = false;
  const subscription = { isEnded: false, close };
  client.on('end', close);
  client.on('terminated', close);
  connection.on('error', (error) => {
    subscriber.lost(error);
    // The client has given up on the connection.
    if (!isOpen(connection)) close();
  });
  connection.on('terminated', close);
  // The client restores the subscription before it emits 'ready'.
  connection.on('ready', () => {
    if (isSubscribed) subscriber.subscribed();
  });
  void open();
  return subscription;

  async function open(): Promise<void> {
    try {
      await connection.connect();
      await connection.subscribe(channel, (message) => {
        subscriber.message(message);
      });
      isSubscribed = true;
      subscriber.subscribed();
    } catch (error) {
      close();
      subscriber.lost(error);
    }
  }

  function close(): void {
    if (subscription.isEnded) return;
    subscription.isEnded = true;
    client.off('end', close);
    client.off('terminated', close);
    try {
      connection.destroy();
    } catch {
      // It was closed before.
    }
    subscriber.lost(new Error('the connection has ended'));
  }
}

/** The client restores the subscription itself, without an event. */
function subscribeOnCluster(client: NodeRedisClient, channel: string, subscriber: Subscriber): Subscription {
  const subscription = {
    isEnded: false,
    close: () => {
      subscription.isEnded = true;
    },
  };
  const receive = (message: string): void => {
    if (!subscription.isEnded) subscriber.message(message);
  };
  client.subscribe(channel, receive).then(
    () => {
      subscriber.subscribed();
    },
    (error: unknown) => {
      subscription.isEnded = true;
      subscriber.lost(error);
    },
  );
  return subscription;
}

/** The class is not imported, because the client may come from another copy of the library. */
function isErrorReply(error: unknown): boolean {
  for (let type: unknown = error; type instanceof Error; type = Object.getPrototypeOf(type) as unknown) {
    if (type.constructor.name === 'ErrorReply') return true;
  }
  return false;
}

function isOpen(client: object): boolean {
  return !('isOpen' in client) || client.isOpen === true;
}

function ignore(): void {
  // The caller of a command sees its error.
}
