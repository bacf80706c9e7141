import { Router } from 'express';
import type { AppContext } from '../app.js';

/** What a load balancer asks: whether to send requests here. It is about to stop long before it is gone. */
export function healthRoutes({ stopping }: AppContext): Router {
  const router = Router();
  router.get('/ready', (_req, res) => {
    res.set('Cache-Control', 'no-store');
    if (stopping.aborted) res.status(503).send('stopping');
    else res.send('ready');
  });
  return router;
}
