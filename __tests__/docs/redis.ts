import { RedisServer } from '../helpers/redis-server';

/** The Redis of a document's program, which finds it in its environment. */
export const redis = await RedisServer.start();
process.env['REDIS_URL'] = redis.url;
