import { Router } from 'express';
import { KeyedSemaphore } from 'express-semaphore';
import type { LimiterStats } from 'express-semaphore';
import type { AppContext } from '../app.js';

/** What every limiter reports, and beside it how many handlers saw one another at work. */
export function statsRoutes({ limiters, work }: AppContext): Router {
  const router = Router();
  router.get('/stats', (_req, res) => {
    const report: Record<string, LimiterStats | KeyedSum> = {};
    for (const [name, limiter] of Object.entries(limiters)) {
      report[name] = limiter instanceof KeyedSemaphore ? sumOf(limiter) : limiter.stats();
    }
    res.json({ limiters: report, handlers: work.concurrency });
  });
  return router;
}

interface KeyedSum {
  readonly keys: number;
  held: number;
  waiting: number;
}

/** The keys are API tokens, so only sums are told. */
function sumOf(keyed: KeyedSemaphore): KeyedSum {
  const sum: KeyedSum = { keys: keyed.size, held: 0, waiting: 0 };
  for (const [, { held, waiting }] of keyed) {
    sum.held += held;
    sum.waiting += waiting;
  }
  return sum;
}
