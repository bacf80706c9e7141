import { Router } from 'express';
import type { AppContext } from '../app.js';

/** The longest that work may be told to take, in milliseconds. */
const MAX_MS = 10_000;

/** Makes all work slower or faster: see in `/stats` what that does to the limiters. A real app lets nobody do this. */
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
