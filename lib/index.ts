export { AdaptiveSemaphore } from './adaptive/adaptive-semaphore.js';
export type { AdaptiveSemaphoreOptions } from './adaptive/adaptive-semaphore.js';
export { aimd } from './adaptive/aimd.js';
export type { AimdOptions } from './adaptive/aimd.js';
export type { Algorithm, Bounds, Sample } from './adaptive/algorithm.js';
export type { LatencyOptions } from './adaptive/by-latency.js';
export type { Gauge } from './adaptive/gauge.js';
export { gradient } from './adaptive/gradient.js';
export { vegas } from './adaptive/vegas.js';
export type { Clock } from './core/clock.js';
export { observe } from './core/diagnostics.js';
export type {
  AcquireMessage,
  LimiterMessage,
  LimitMessage,
  LostMessage,
  Messages,
  QueuedMessage,
  RejectMessage,
  ReleaseMessage,
} from './core/diagnostics.js';
export type {
  AcquireOptions,
  DurationStats,
  GateStats,
  KeyedStats,
  Limiter,
  LimiterStats,
  Outcome,
  PastLimit,
  Permit,
  TryAcquireOptions,
} from './core/limiter.js';
export type { AdaptiveLifoOrder, FairOrder, Order, OrderName, PriorityOrder } from './core/order.js';
export { Semaphore } from './core/semaphore.js';
export type { SemaphoreOptions } from './core/semaphore-options.js';
export { withSemaphore } from './decorators/with-semaphore.js';
export type { AsyncFunction, WithSemaphore } from './decorators/with-semaphore.js';
export {
  BackendError,
  ClosedError,
  isSemaphoreError,
  KeyLimitError,
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
export type { KeyedLimitOptions, LimitOptions, Middleware } from './http/limit-options.js';
export { limitHandler } from './http/limit-handler.js';
export type { Next } from './http/next.js';
export { permitOf } from './http/permit-of.js';
export { KeyedSemaphore } from './keyed/keyed-semaphore.js';
export type { KeyedSemaphoreOptions } from './keyed/keyed-semaphore.js';
export type { KeyRank, KeyUse } from './keyed/top-keys.js';
