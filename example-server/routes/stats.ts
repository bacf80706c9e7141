import { Router } from 'express';
import { KeyedSemaphore } from 'express-semaphore';
import type { KeyedStats, LimiterStats } from 'express-semaphore';
import type { AppContext } from '../context.js';

/** The stats of every limiter, and the number of handlers that ran at once. */
export function statsRoutes({ limiters, work }: AppContext): Router {
  const router = Router();
  router.get('/stats', (_req, res) => {
    const report: Record<string, LimiterStats | KeyedReport> = {};
    for (const [name, limiter] of Object.entries(limiters)) {
      report[name] = limiter instanceof KeyedSemaphore ? reportOf(limiter) : limiter.stats();
    }
    res.json({ limiters: report, handlers: work.concurrency });
  });
  return router;
}

interface KeyedReport extends KeyedStats {
  /** The limit of each key. `undefined` while there are no keys. */
  readonly permitsPerKey: number | undefined;
}

/** The keys are API tokens, so the report does not show them. */
function reportOf(keyed: KeyedSemaphore): KeyedReport {
  const [first] = keyed;
  return { ...keyed.stats(), permitsPerKey: first?.[1].permits };
}
