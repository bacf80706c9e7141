export { observe } from './core/events.js';
export type { LimiterEvents } from './core/events.js';
export type {
  AcquireOptions,
  DurationStats,
  KeyedStats,
  Limiter,
  LimiterStats,
  Outcome,
  Permit,
  TryAcquireOptions,
} from './core/limiter.js';
export { Semaphore } from './core/semaphore.js';
export type { SemaphoreOptions } from './core/semaphore-options.js';
export {
  ClosedError,
  HoldTimeoutError,
  isSemaphoreError,
  QueueClearedError,
  QueueFullError,
  SemaphoreError,
  TooManyKeysError,
  WaitTimeoutError,
  WaitTooLongError,
} from './errors.js';
export type { SemaphoreErrorCode } from './errors.js';
export { clientKey } from './http/client-key.js';
export type { ClientKeyOptions } from './http/client-key.js';
export { limit } from './http/limit.js';
export type { KeyedLimitOptions, LimitOptions, Middleware, Next } from './http/limit-options.js';
export { limitServer } from './http/limit-server.js';
export { limitHandler } from './http/limit-handler.js';
export { permitOf } from './http/exchange.js';
export { limitUpgrade } from './http/upgrade.js';
export { gracefulShutdown } from './http/graceful-shutdown.js';
export { admission } from './http/admission.js';
export type { AdmissionDecision } from './http/admission.js';
export { chain } from './keyed/chain.js';
export { KeyedSemaphore } from './keyed/keyed-semaphore.js';
export type { KeyedSemaphoreOptions } from './keyed/keyed-options.js';
export type { Clock } from './internal/clock.js';
export type { Order } from './orders/index.js';
export { withSemaphore } from './with-semaphore.js';
