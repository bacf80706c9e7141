export { BackendError, LeaseLostError } from '../errors.js';
export type { IoRedisClient } from './clients/ioredis.js';
export type { LeasedPermit } from './lease.js';
export type { RedisClient } from './sync/connection.js';
export type { NodeRedisClient } from './clients/node-redis.js';
export type { RedisSemaphoreOptions, UnavailablePolicy } from './options.js';
export { RedisSemaphore } from './redis-semaphore.js';
export type { RedisSemaphoreStats } from './redis-semaphore.js';
export type { ValkeyGlideClient } from './clients/valkey-glide.js';
