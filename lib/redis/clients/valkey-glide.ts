import { requireMethods } from '../../internal/validate.js';
import type { RedisAdapter, Subscriber, Subscription } from './adapter.js';

/**
 * The part of a GLIDE client that is used, a `GlideClient` or a `GlideClusterClient`. The client gives each message to
 * one receiver only. So pass a client of its own, without subscriptions and without a callback for messages.
 */
export interface ValkeyGlideClient {
  customCommand(args: string[]): Promise<unknown>;
  subscribe(channels: Iterable<string>, timeoutMs: number): Promise<unknown>;
  getPubSubMessage(): Promise<{ readonly message: unknown }>;
}

/** Maximum time for a subscription to be confirmed, in milliseconds. */
const SUBSCRIBE_MS = 1_000;

export function isValkeyGlide(client: object): client is ValkeyGlideClient {
  return 'customCommand' in client;
}

export function adaptValkeyGlide(client: ValkeyGlideClient): RedisAdapter {
  requireMethods('client', client, 'customCommand', 'subscribe', 'getPubSubMessage');
  let isClosed = false;
  let isReceiving = false;
  let receiver: Subscriber | undefined;
  const run = (name: string, script: string, keys: readonly string[], args: readonly string[]) =>
    client.customCommand([name, script, String(keys.length), ...keys, ...args]);
  return {
    isCluster: client.constructor.name === 'GlideClusterClient',
    get isOpen() {
      return !isClosed;
    },
    evalSha: (sha, keys, args) => run('EVALSHA', sha, keys, args),
    eval: (script, keys, args) => run('EVAL', script, keys, args),
    // The subclasses of RequestError are made by the client.
    isReply: (error) => error instanceof Error && error.constructor.name === 'RequestError',
    subscribe(channel, subscriber) {
      receiver = subscriber;
      return subscribe(channel, subscriber);
    },
  };

  function subscribe(channel: string, subscriber: Subscriber): Subscription {
    const subscription = {
      isEnded: false,
      close: () => {
        subscription.isEnded = true;
      },
    };
    // The client restores a subscription after each lost connection, without an event. Waiters that poll make up for it.
    client.subscribe([channel], SUBSCRIBE_MS).then(
      () => {
        subscriber.subscribed();
        if (!isReceiving) void receive();
      },
      (error: unknown) => {
        // The client only says that the time is over, whatever the reason.
        subscription.isEnded = true;
        const why = `no subscription to ${channel}, perhaps without the right to SUBSCRIBE`;
        subscriber.lost(new Error(why, { cause: error }));
      },
    );
    return subscription;
  }

  /** Until the client is closed, which rejects. */
  async function receive(): Promise<void> {
    isReceiving = true;
    try {
      for (;;) receiver?.message(String((await client.getPubSubMessage()).message));
    } catch (error) {
      isClosed = true;
      receiver?.lost(error);
    }
  }
}
