import { RedisSemaphore } from '../../lib/redis';
import type { RedisClient } from '../../lib/redis';
import { describeLimiter } from '../contracts/limiter';
import { withRedis } from '../helpers/needs';
import { CLIENTS, counted } from '../helpers/redis-clients';
import type { TestClient } from '../helpers/redis-clients';
import { RedisServer } from '../helpers/redis-server';

withRedis.describe.each(Object.entries(CLIENTS))('through %s', (library, connect) => {
  let server: RedisServer;
  let connected: TestClient;
  let client: RedisClient;
  let settle: () => Promise<void>;
  let names = 0;

  beforeAll(async () => {
    server = await RedisServer.start();
    connected = await connect(server.port);
    ({ client, settle } = counted(connected.client));
  });

  afterAll(async () => {
    await connected[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  describe.each(library === 'ioredis' ? (['fifo', 'priority'] as const) : (['fifo'] as const))(
    'in the order %s',
    (order) => {
      describeLimiter(
        'A RedisSemaphore',
        (permits, options) => {
          const name = `contract ${++names}`;
          const limiter = new RedisSemaphore(client, { timeoutMs: 10_000, ...options, name, permits, order });
          return {
            limiter,
            settle,
            [Symbol.asyncDispose]: () => {
              limiter.close();
              return settle();
            },
          };
        },
        { local: false },
      );
    },
  );
});
