// Two nodes of a fleet for all tests of a `describe`: two ioredis clients of one Redis server.
import { RedisSemaphore } from '../../lib/redis';
import type { RedisSemaphoreOptions } from '../../lib/redis';
import { CLIENTS } from './redis-clients';
import type { TestClient } from './redis-clients';
import { RedisServer } from './redis-server';
import { readState } from './redis-state';
import type { LimitState } from './redis-state';

/** Two nodes, and one limit that is new in each test. */
export class RedisNodes {
  clients!: [TestClient, TestClient];
  server!: RedisServer;
  readonly #prefix: string;
  #tests = 0;

  private constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** Registers the hooks that start and stop the server. `prefix` is the first part of the names of the limits. */
  static use(prefix: string): RedisNodes {
    const nodes = new RedisNodes(prefix);
    beforeAll(async () => {
      nodes.server = await RedisServer.start();
      const connect = CLIENTS['ioredis'];
      if (connect === undefined) throw new Error('there is no such client');
      const { port } = nodes.server;
      nodes.clients = await Promise.all([connect(port), connect(port)]);
    }, 120_000);
    beforeEach(() => {
      nodes.#tests++;
    });
    afterAll(async () => {
      for (const resource of [...nodes.clients, nodes.server]) await resource[Symbol.asyncDispose]();
    });
    return nodes;
  }

  /** Name of the limit of this test. */
  get name(): string {
    return `${this.#prefix}-${this.#tests}`;
  }

  /** The limit of this test on one node, or through `client`. */
  make(client: 0 | 1 | TestClient['client'], options: Omit<RedisSemaphoreOptions, 'name'>): RedisSemaphore {
    const own = typeof client === 'number' ? this.clients[client].client : client;
    return new RedisSemaphore(own, { name: this.name, timeoutMs: 10_000, ...options });
  }

  /** The limit of this test on each node. */
  pair(options: Omit<RedisSemaphoreOptions, 'name'>): [RedisSemaphore, RedisSemaphore] {
    return [this.make(0, options), this.make(1, options)];
  }

  /** Runs any command. */
  command(...args: string[]): Promise<unknown> {
    return this.clients[0].command(...args);
  }

  /** A key of the limit of this test: `h`, `q` or `m`. */
  key(part: string): string {
    return `{semaphore:${this.name}}:${part}`;
  }

  /** What Redis keeps of the limit of this test. */
  state(): Promise<LimitState> {
    return readState((...args) => this.command(...args), this.name);
  }
}
