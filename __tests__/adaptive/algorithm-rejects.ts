// Run as a process of its own: what an algorithm and an event-loop load return by mistake is a promise that rejects.
import { AdaptiveSemaphore } from '../../lib/adaptive/index';

const rejecting = (): number => Promise.reject(new Error('of a promise')) as unknown as number;

process.on('unhandledRejection', () => {
  console.log('an unhandled rejection');
});
process.on('warning', (warning) => {
  console.log(warning.message);
});
const limiters = [
  new AdaptiveSemaphore({ algorithm: { initial: 2, next: rejecting } }),
  new AdaptiveSemaphore({ eventLoopLoad: { busyMs: rejecting } }),
];
for (const limiter of limiters) {
  const before = limiter.permits;
  for (let round = 0; round < 3; round++) limiter.tryAcquire()?.release();
  if (limiter.permits !== before || limiter.held !== 0) console.log('the limit changed');
}
