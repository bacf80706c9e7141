import { requireMethods } from '../../internal/validate.js';
import type { Emitter, RedisAdapter } from './adapter.js';

/** What is used of an ioredis client, a `Redis` or a `Cluster`. */
export interface IoRedisClient extends Emitter {
  evalsha(sha: string, keyCount: number, ...keysAndArgs: string[]): Promise<unknown>;
  eval(script: string, keyCount: number, ...keysAndArgs: string[]): Promise<unknown>;
  duplicate(): IoRedisSubscriber;
}

interface IoRedisSubscriber extends Emitter {
  subscribe(channel: string): Promise<unknown>;
  disconnect(): void;
}

export function isIoRedis(client: object): client is IoRedisClient {
  return 'evalsha' in client;
}

export function adaptIoRedis(client: IoRedisClient): RedisAdapter {
  requireMethods('client', client, 'evalsha', 'eval', 'duplicate', 'on');
  client.on('error', ignore);
  return {
    isCluster: 'isCluster' in client && client.isCluster === true,
    evalSha: (sha, keys, args) => client.evalsha(sha, keys.length, ...keys, ...args),
    eval: (script, keys, args) => client.eval(script, keys.length, ...keys, ...args),
    subscribe(channel, subscriber) {
      const connection = client.duplicate();
      connection.on('error', (error) => {
        subscriber.failed(error);
      });
      connection.on('message', (from, message) => {
        if (from === channel && typeof message === 'string') subscriber.message(message);
      });
      // It subscribes anew by itself, but says so to nobody; to ask once more confirms that, and costs little.
      connection.on('ready', () => void subscribe());
      client.on('end', () => {
        connection.disconnect();
      });
      // A client that is closed between two connections never says that it has ended.
      connection.on('reconnecting', () => {
        if ('manuallyClosing' in client && client.manuallyClosing === true) connection.disconnect();
      });

      async function subscribe(): Promise<void> {
        try {
          await connection.subscribe(channel);
          subscriber.subscribed();
        } catch (error) {
          subscriber.failed(error);
        }
      }
    },
  };
}

function ignore(): void {
  // What fails is seen by whoever asked.
}
