import { requireMethods } from '../../internal/validate.js';
import { RESUBSCRIBE_MS } from './adapter.js';
import type { RedisAdapter, Subscriber } from './adapter.js';

/**
 * What is used of a GLIDE client, a `GlideClient` or a `GlideClusterClient`. It hands messages to whoever asks first, so
 * give these limits a client of their own, without subscriptions and without a callback for messages.
 */
export interface ValkeyGlideClient {
  customCommand(args: string[]): Promise<unknown>;
  subscribe(channels: Iterable<string>, timeoutMs: number): Promise<unknown>;
  getPubSubMessage(): Promise<{ readonly message: unknown }>;
}

export function isValkeyGlide(client: object): client is ValkeyGlideClient {
  return 'customCommand' in client;
}

export function adaptValkeyGlide(client: ValkeyGlideClient): RedisAdapter {
  requireMethods('client', client, 'customCommand', 'subscribe', 'getPubSubMessage');
  const run = (name: string, script: string, keys: readonly string[], args: readonly string[]) =>
    client.customCommand([name, script, String(keys.length), ...keys, ...args]);
  return {
    isCluster: client.constructor.name === 'GlideClusterClient',
    evalSha: (sha, keys, args) => run('EVALSHA', sha, keys, args),
    eval: (script, keys, args) => run('EVAL', script, keys, args),
    subscribe(channel, subscriber) {
      void subscribe(client, channel, subscriber);
    },
  };
}

async function subscribe(client: ValkeyGlideClient, channel: string, subscriber: Subscriber): Promise<void> {
  try {
    // It goes on by itself over each lost connection, but tells nobody: the checks of those who wait make up for that.
    await client.subscribe([channel], RESUBSCRIBE_MS);
    subscriber.subscribed();
  } catch (error) {
    // All that it says is that time is up, whatever the reason.
    subscriber.failed(new Error(`no subscription to ${channel}`, { cause: error }));
    setTimeout(() => void subscribe(client, channel, subscriber), RESUBSCRIBE_MS).unref();
    return;
  }
  void hear(client, subscriber);
}

/** Until the client is closed, which rejects. */
async function hear(client: ValkeyGlideClient, subscriber: Subscriber): Promise<void> {
  try {
    for (;;) subscriber.message(String((await client.getPubSubMessage()).message));
  } catch (error) {
    subscriber.failed(error);
  }
}
