import { Router } from 'express';
import { withSemaphore } from 'express-semaphore';
import type { AppContext } from '../context.js';

/** A limited method: 2 reports are built at once. A rejection reaches Express as an error. */
export function reportRoutes({ limiters, work }: AppContext): Router {
  class Reports {
    @withSemaphore(limiters.reports, { maxWaitMs: 1_000 })
    async build(id: string): Promise<{ id: string; total: number }> {
      await work.do('reports');
      return { id, total: id.length };
    }
  }

  const reports = new Reports();
  const router = Router();
  router.get('/reports/:id', async (req, res) => {
    res.json(await reports.build(req.params.id));
  });
  return router;
}
