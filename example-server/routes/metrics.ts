import { Router } from 'express';
import { registerMetrics } from 'express-semaphore/prometheus';
import * as client from 'prom-client';
import type { AppContext } from '../context.js';

/**
 * The page that Prometheus scrapes. The keys are API tokens, so no metric shows them. Durations are recorded from the
 * first scrape on.
 */
export function metricsRoutes({ limiters }: AppContext): Router {
  let registry: client.Registry | undefined;

  function register(): client.Registry {
    const fresh = new client.Registry();
    registerMetrics(client, limiters, { registry: fresh });
    return fresh;
  }

  const router = Router();
  router.get('/metrics', async (_req, res) => {
    registry ??= register();
    res.type(registry.contentType).send(await registry.metrics());
  });
  return router;
}
