import { Router } from 'express';
import { limit, permitOf } from 'express-semaphore';
import type { AppContext } from '../context.js';

/** Work that outlives its answer: the client is answered at once. The permit is released when the export has been written. */
export function exportRoutes({ limiters, work }: AppContext): Router {
  const router = Router();
  router.post('/exports', limit(limiters.exports), (_req, res) => {
    // `hold` only watches, so it gets the promise whose error is handled.
    const writing = work.do('exports').catch((error: unknown) => {
      console.error('the export failed', error);
    });
    permitOf(res, limiters.exports)?.hold(writing);
    res.status(202).json({ status: 'started' });
  });
  return router;
}
