import { performance } from 'node:perf_hooks';

/** Measures how busy the event loop is. Pass your own only in tests and simulations. */
export interface EventLoopLoad {
  /** Total time that the event loop was busy, in milliseconds. It never decreases. */
  busyMs(): number;
}

/** What a platform may leave out of `performance`. Fake timers return `undefined`. */
interface PartialPerformance {
  readonly eventLoopUtilization?: () => { readonly active: number } | undefined;
}

/**
 * The load of this thread. Where the platform does not measure it (Bun, Deno, fake timers), the processor time of the
 * process replaces it.
 */
export const systemEventLoopLoad: EventLoopLoad = {
  busyMs() {
    const active = (performance as PartialPerformance).eventLoopUtilization?.()?.active ?? 0;
    if (active > 0) return active;
    const { user, system } = process.cpuUsage();
    return (user + system) / 1_000;
  },
};
