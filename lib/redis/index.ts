export { BackendError, LeaseLostError } from '../errors.js';
export type { IoRedisClient } from './io-redis.js';
export type { LeasedPermit } from './lease.js';
export type { RedisClient } from './node-connection.js';
export type { NodeRedisClient } from './node-redis.js';
export type { RedisSemaphoreOptions, UnavailablePolicy } from './options.js';
export { RedisSemaphore } from './redis-semaphore.js';
export type { RedisSemaphoreStats } from './redis-semaphore.js';
export type { ValkeyGlideClient } from './valkey-glide.js';
