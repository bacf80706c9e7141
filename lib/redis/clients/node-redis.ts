import { requireMethods } from '../../internal/validate.js';
import { RESUBSCRIBE_MS } from './adapter.js';
import type { Emitter, RedisAdapter, Subscriber } from './adapter.js';

/** What is used of a node-redis client, version 5 and up; a `RedisClusterType` is one as well. */
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
  requireMethods('client', client, 'evalSha', 'eval', 'subscribe', 'duplicate', 'on');
  const isCluster = 'slots' in client;
  // Without any listener a lost connection would end the process.
  client.on('error', ignore);

  return {
    isCluster,
    evalSha: (sha, keys, args) => client.evalSha(sha, { keys: [...keys], arguments: [...args] }),
    eval: (script, keys, args) => client.eval(script, { keys: [...keys], arguments: [...args] }),
    subscribe(channel, subscriber) {
      // A cluster client keeps a connection for subscriptions itself.
      if (isCluster) void subscribe(client, channel, subscriber);
      else listenOn(client.duplicate(), channel, subscriber);
    },
  };

  function listenOn(connection: NodeRedisSubscriber, channel: string, subscriber: Subscriber): void {
    connection.on('error', (error) => {
      subscriber.failed(error);
    });
    let isSubscribed = false;
    // The client subscribes anew by itself before it calls a connection ready.
    connection.on('ready', () => {
      if (isSubscribed) subscriber.subscribed();
    });
    client.on('end', () => {
      connection.destroy();
    });
    connection.connect().then(
      async () => {
        await subscribe(connection, channel, subscriber);
        isSubscribed = true;
      },
      (error: unknown) => {
        subscriber.failed(error);
      },
    );
  }
}

async function subscribe(
  client: Pick<NodeRedisClient, 'subscribe'>,
  channel: string,
  subscriber: Subscriber,
): Promise<void> {
  try {
    await client.subscribe(channel, (message) => {
      subscriber.message(message);
    });
    subscriber.subscribed();
  } catch (error) {
    subscriber.failed(error);
    setTimeout(() => void subscribe(client, channel, subscriber), RESUBSCRIBE_MS).unref();
  }
}

function ignore(): void {
  // What fails is seen by whoever asked.
}
