import { RedisSemaphore } from '../../lib/redis';
import type { RedisClient } from '../../lib/redis';
import { describeLimiter } from '../contracts/limiter';
import { withRedis } from '../helpers/needs';
import { CLIENTS, counted } from '../helpers/redis-clients';
import type { TestClient } from '../helpers/redis-clients';
import { RedisServer } from '../helpers/redis-server';

withRedis.describe.each(Object.entries(CLIENTS))('through %s', (_, connect) => {
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

  describeLimiter(
    'A RedisSemaphore',
    (permits, options) => {
      const limiter = new RedisSemaphore(client, { ...options, name: `contract ${++names}`, permits });
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
});
