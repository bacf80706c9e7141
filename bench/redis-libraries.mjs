import { GlideClient, Logger } from '@valkey/valkey-glide';
import { Redis } from 'ioredis';
import { createClient } from 'redis';

// GLIDE logs that the server does not know a script yet.
Logger.setLoggerConfig('off');

/**
 * The client libraries: how each opens a client, runs a script by its name, publishes, and closes. `hear` subscribes to a
 * channel and returns a function whose promise resolves with the next message.
 */
export const LIBRARIES = {
  ioredis: {
    open: (port) => Promise.resolve(new Redis({ host: '127.0.0.1', port })),
    evalSha: (client, sha) => client.evalsha(sha, 1, 'k'),
    publish: (client, channel) => client.publish(channel, 'x'),
    hear: async (client, channel) => {
      await client.subscribe(channel);
      return () => new Promise((resolve) => client.once('message', resolve));
    },
    close: (client) => client.disconnect(),
  },
  'node-redis': {
    open: (port) => createClient({ socket: { host: '127.0.0.1', port } }).connect(),
    evalSha: (client, sha) => client.evalSha(sha, { keys: ['k'], arguments: [] }),
    publish: (client, channel) => client.publish(channel, 'x'),
    hear: async (client, channel) => {
      let heard = () => undefined;
      await client.subscribe(channel, () => heard());
      return () => new Promise((resolve) => (heard = resolve));
    },
    close: (client) => client.destroy(),
  },
  'valkey-glide': {
    // The default, 250 ms, is too short for a busy machine.
    open: (port) =>
      GlideClient.createClient({ addresses: [{ host: '127.0.0.1', port }], requestTimeout: 10_000 }),
    evalSha: (client, sha) => client.customCommand(['EVALSHA', sha, '1', 'k']),
    publish: (client, channel) => client.publish('x', channel),
    hear: async (client, channel) => {
      await client.subscribe([channel], 1_000);
      return () => client.getPubSubMessage();
    },
    close: (client) => client.close(),
  },
};
