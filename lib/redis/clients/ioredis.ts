import { requireMethods } from '../../internal/validate.js';
import type { Emitter, RedisAdapter, Subscriber, Subscription } from './adapter.js';

/** The part of an ioredis client that is used, a `Redis` or a `Cluster`. */
export interface IoRedisClient extends Emitter {
  evalsha(sha: string, keyCount: number, ...keysAndArgs: string[]): Promise<unknown>;
  eval(script: string, keyCount: number, ...keysAndArgs: string[]): Promise<unknown>;
  duplicate(...overrides: never[]): IoRedisSubscriber;
}

interface IoRedisSubscriber extends Emitter {
  subscribe(channel: string): Promise<unknown>;
  disconnect(): void;
}

/** Options of the connection that receives messages, whatever the client's own are. */
const SUBSCRIBER_OPTIONS = {
  lazyConnect: false,
  enableOfflineQueue: true,
  // The client does not catch the error of its own attempt, so a server that rejects it would end the process.
  autoResubscribe: false,
  enableAutoPipelining: false,
  commandTimeout: undefined,
  maxRetriesPerRequest: null,
};

export function isIoRedis(client: object): client is IoRedisClient {
  return 'evalsha' in client;
}

export function adaptIoRedis(client: IoRedisClient): RedisAdapter {
  requireMethods('client', client, 'evalsha', 'eval', 'duplicate', 'on', 'off');
  // The caller of a command sees its error.
  client.on('error', ignore);
  const isCluster = 'isCluster' in client && client.isCluster === true;
  return {
    isCluster,
    get isOpen() {
      return isOpen(client);
    },
    evalSha: (sha, keys, args) => client.evalsha(sha, keys.length, ...keys, ...args),
    eval: (script, keys, args) => client.eval(script, keys.length, ...keys, ...args),
    isReply: (error) => error instanceof Error && error.name === 'ReplyError',
    subscribe: (channel, subscriber) => {
      const duplicate = client.duplicate.bind(client) as (...overrides: unknown[]) => IoRedisSubscriber;
      const overrides = isCluster ? [[], { lazyConnect: false }] : [SUBSCRIBER_OPTIONS];
      return subscribe(client, duplicate(...overrides), channel, subscriber);
    },
  };
}

function subscribe(
  client: IoRedisClient,
  connection: IoRedisSubscriber,
  channel: string,
  subscriber: Subscriber,
): Subscription {
  const subscription = { isEnded: false, close };
  client.on('end', close);
  connection.on('error', (error) => {
    subscriber.lost(error);
  });
  connection.on('close', () => {
    subscriber.lost(new Error('the connection is closed'));
  });
  connection.on('message', (from, message) => {
    if (from === channel && typeof message === 'string') subscriber.message(message);
  });
  connection.on('ready', () => void confirm());
  connection.on('end', close);
  // A client that is closed between two connections emits no 'end'.
  connection.on('reconnecting', () => {
    if (!isOpen(client)) close();
  });
  return subscription;

  async function confirm(): Promise<void> {
    try {
      await connection.subscribe(channel);
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
    connection.disconnect();
    subscriber.lost(new Error('the connection has ended'));
  }
}

/** A client with a status is a real one. Between two connections it may have been closed. */
function isOpen(client: object): boolean {
  if (!('status' in client)) return true;
  if (client.status === 'reconnecting' || client.status === 'close') {
    return !('manuallyClosing' in client && client.manuallyClosing === true);
  }
  return client.status !== 'end';
}

function ignore(): void {
  // Nothing to do.
}
