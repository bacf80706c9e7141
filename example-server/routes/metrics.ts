import { Router } from 'express';
import { registerMetrics } from 'express-semaphore/prometheus';
import * as client from 'prom-client';
import type { AppContext } from '../app.js';

/**
 * What Prometheus scrapes. The keys are API tokens, so none of them is told. Waits and holds are measured from the first
 * scrape on: until somebody asks, nobody pays for the clock.
 */
export function metricsRoutes({ limiters }: AppContext): Router {
  let registry: client.Registry | undefined;

  function register(): client.Registry {
    const fresh = new client.Registry();
    registerMetrics(client, Object.values(limiters), { registry: fresh });
    return fresh;
  }

  const router = Router();
  router.get('/metrics', async (_req, res) => {
    registry ??= register();
    res.type(registry.contentType).send(await registry.metrics());
  });
  return router;
}
