import { Router } from 'express';
import type { AppContext } from '../app.js';

/** A limiter to be changed while it works, and a service that can be made slow: see the dashboard. */
export function playgroundRoutes({ playground }: AppContext): Router {
  const router = Router();
  router.get('/playground', playground.limit, async (_req, res) => {
    await playground.serve();
    res.send('served');
  });
  return router;
}
