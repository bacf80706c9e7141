import { GlideClient, Logger } from '@valkey/valkey-glide';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import type { RedisClient } from '../../lib/redis';
import { turn } from './watch';

/** A client of a test, closed at the end of its scope. */
export interface TestClient extends AsyncDisposable {
  readonly client: RedisClient;
  /** Runs any command. */
  command(...args: string[]): Promise<unknown>;
}

// Without this, GLIDE logs each server error to the terminal, those that a test provokes included.
Logger.setLoggerConfig('off');

/** How a client of each library is made; each is tried on the same tests. */
export const CLIENTS: Readonly<Record<string, (port: number) => Promise<TestClient>>> = {
  'node-redis': async (port) => {
    const client = createClient({ socket: { host: '127.0.0.1', port } });
    client.on('error', () => undefined);
    await client.connect();
    return {
      client,
      command: (...args) => client.sendCommand(args),
      [Symbol.asyncDispose]: () => {
        client.destroy();
        return Promise.resolve();
      },
    };
  },
  ioredis: (port) => {
    const client = new Redis({ host: '127.0.0.1', port, disconnectTimeout: 100 });
    return Promise.resolve({
      client,
      command: (name = '', ...args) => client.call(name, ...args),
      [Symbol.asyncDispose]: () => {
        client.disconnect();
        return Promise.resolve();
      },
    });
  },
  'valkey-glide': async (port) => {
    // GLIDE gives up after 250 ms by default, which a busy machine may take.
    const client = await GlideClient.createClient({
      addresses: [{ host: '127.0.0.1', port }],
      requestTimeout: 5_000,
    });
    return {
      client,
      command: (...args) => client.customCommand(args),
      [Symbol.asyncDispose]: () => {
        client.close();
        return Promise.resolve();
      },
    };
  },
};

/** A client that counts its unanswered commands, so a test can wait until there are none. */
export function counted<Client extends RedisClient>(
  client: Client,
): { client: Client; settle: () => Promise<void> } {
  let open = 0;
  const counting = new Proxy(client, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      const call = value as (...args: unknown[]) => unknown;
      if (!/^eval|^customCommand/i.test(String(name))) return call.bind(target);
      return async (...args: unknown[]) => {
        open++;
        try {
          return await Reflect.apply(call, target, args);
        } finally {
          open--;
        }
      };
    },
  });
  async function settle(): Promise<void> {
    // What is collected in a turn is sent at its end, and what comes of an answer is done in the turn after it.
    for (let quiet = 0; quiet < 3; quiet = open === 0 ? quiet + 1 : 0) await turn();
  }
  return { client: counting, settle };
}
