export type { Clock } from './internal/clock.js';
export { observe } from './core/events.js';
export type {
  AcquireMessage,
  LimiterMessage,
  LimitMessage,
  LostMessage,
  LimiterEvents,
  QueuedMessage,
  RejectMessage,
  ReleaseMessage,
} from './core/events.js';
export type {
  AcquireOptions,
  DurationStats,
  BaseStats,
  KeyedStats,
  Limiter,
  LimiterStats,
  Outcome,
  Permit,
  TryAcquireOptions,
} from './core/limiter.js';
export type { AdaptiveLifoOrder, FairOrder, Order, OrderName, PriorityOrder } from './orders/index.js';
export { Semaphore } from './core/semaphore.js';
export type { SemaphoreOptions } from './core/semaphore-options.js';
export { withSemaphore } from './with-semaphore.js';
export type { AsyncFunction, WithSemaphore } from './with-semaphore.js';
export {
  BackendError,
  ClosedError,
  isSemaphoreError,
  TooManyKeysError,
  LeaseLostError,
  QueueFullError,
  SemaphoreError,
  WaitTimeoutError,
  WaitTooLongError,
} from './errors.js';
export type { SemaphoreErrorCode } from './errors.js';
export { clientKey } from './http/client-key.js';
export type { ClientKeyOptions } from './http/client-key.js';
export { limit } from './http/limit.js';
export type { KeyedLimitOptions, LimitOptions, Middleware, Next } from './http/limit-options.js';
export { limitHandler } from './http/limit-handler.js';
export { permitOf } from './http/exchange.js';
export { admission } from './http/admission.js';
export type { AdmissionDecision } from './http/admission.js';
export { KeyedSemaphore } from './keyed/keyed-semaphore.js';
export type { KeyedSemaphoreOptions } from './keyed/keyed-semaphore.js';
export type { KeyRank, KeyUse } from './keyed/top-keys.js';
