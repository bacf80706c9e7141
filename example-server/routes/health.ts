import { Router } from 'express';
import type { AppContext } from '../context.js';

/** Tells a load balancer whether to send requests here. It answers 503 before the server stops. */
export function healthRoutes({ stopping }: AppContext): Router {
  const router = Router();
  router.get('/ready', (_req, res) => {
    res.set('Cache-Control', 'no-store');
    if (stopping.aborted) res.status(503).send('stopping');
    else res.send('ready');
  });
  return router;
}
