import { Router } from 'express';
import type { AppContext } from '../context.js';

/** Maximum service time, in milliseconds. */
const MAX_MS = 10_000;

/** Sets how long all work takes. `/stats` shows the effect on the limiters. A real app has no such route. */
export function slowRoutes({ work }: AppContext): Router {
  const router = Router();
  router.post('/slow', (req, res) => {
    const ms = Number(req.query['ms']);
    if (!(ms >= 0 && ms <= MAX_MS)) {
      res.status(400).json({ title: `Send ms from 0 to ${MAX_MS}` });
      return;
    }
    work.serviceMs = ms;
    res.json({ serviceMs: ms });
  });
  return router;
}
