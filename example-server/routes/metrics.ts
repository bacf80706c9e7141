import { Router } from 'express';
import { registerMetrics } from 'express-semaphore/prometheus';
import * as client from 'prom-client';
import type { AppContext } from '../app.js';

/** What Prometheus scrapes. The keys are API tokens, so none of them is told. */
export function metricsRoutes({ limiters }: AppContext): Router {
  const registry = new client.Registry();
  registerMetrics(client, Object.values(limiters), { registry });

  const router = Router();
  router.get('/metrics', async (_req, res) => {
    res.type(registry.contentType).send(await registry.metrics());
  });
  return router;
}
