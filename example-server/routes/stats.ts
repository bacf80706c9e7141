import { Router } from 'express';
import { KeyedSemaphore } from 'express-semaphore';
import type { KeyedStats, LimiterStats } from 'express-semaphore';
import type { AppContext } from '../app.js';

/** What every limiter reports, and beside it how many handlers saw one another at work. */
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
  /** The limit of each key; `undefined` while there is none. */
  readonly permitsPerKey: number | undefined;
}

/** The keys are API tokens, so none of them is told. */
function reportOf(keyed: KeyedSemaphore): KeyedReport {
  const [first] = keyed;
  return { ...keyed.stats(), permitsPerKey: first?.[1].permits };
}
