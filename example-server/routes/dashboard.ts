import { createHash } from 'node:crypto';
import { Router } from 'express';
import { dashboard } from 'express-semaphore/dashboard';
import type { AppContext } from '../context.js';
import { isOnThisMachine } from './local.js';

/** The live page of every limiter. The keys are API tokens, so the page shows a hash of each. */
export function dashboardRoutes({ limiters, playground }: AppContext): Router {
  const router = Router();
  const shown = {
    // A getter, because the playground replaces its limiter.
    get playground() {
      return playground.limiter;
    },
    ...limiters,
  };
  router.use('/limits', dashboard(shown, { authorize: isOnThisMachine, maskKey: hashOf }));
  return router;
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex').slice(0, 12);
}
