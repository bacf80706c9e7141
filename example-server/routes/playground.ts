import express, { Router } from 'express';
import type { AppContext } from '../context.js';
import { isOnThisMachine } from './local.js';

/** A limiter that its page changes while it works, and a service that its page makes slow. Open `/playground/`. */
export function playgroundRoutes({ playground }: AppContext): Router {
  const router = Router();
  router.use('/playground', (req, res, next) => {
    if (isOnThisMachine(req)) next();
    else res.status(403).json({ title: 'The playground is for this machine only' });
  });

  router.get('/playground/work', playground.limit, async (_req, res) => {
    await playground.serve();
    res.send('served');
  });

  router.get('/playground/state', (_req, res) => {
    res.set('Cache-Control', 'no-store').json(playground.state);
  });

  router.put('/playground/state', express.json(), (req, res) => {
    try {
      playground.change(req.body);
      res.json(playground.state);
    } catch (error) {
      res.status(400).json({ title: error instanceof Error ? error.message : 'The change is not valid' });
    }
  });
  return router;
}
