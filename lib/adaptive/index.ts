export { AdaptiveSemaphore } from './adaptive-semaphore.js';
export type { AdaptiveSemaphoreOptions, EventLoopLoad } from './adaptive-semaphore.js';
export { aimd } from './aimd.js';
export type { LimitAlgorithm, LimitBounds, LimitSample } from './algorithm.js';
export { gradient } from './gradient.js';
export type { LatencyOptions } from './latency-control.js';
export { vegas } from './vegas.js';
