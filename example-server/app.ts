import { join } from 'node:path';
import express from 'express';
import type { Express } from 'express';
import { limit } from 'express-semaphore';
import { answerError } from './answer-error.js';
import type { AppContext } from './context.js';
import { createLimiters } from './limiters.js';
import { Playground } from './playground/playground.js';
import { dashboardRoutes } from './routes/dashboard.js';
import { eventRoutes } from './routes/events.js';
import { exportRoutes } from './routes/exports.js';
import { healthRoutes } from './routes/health.js';
import { metricsRoutes } from './routes/metrics.js';
import { orderRoutes } from './routes/orders.js';
import { perUserRoutes } from './routes/per-user.js';
import { playgroundRoutes } from './routes/playground.js';
import { reportRoutes } from './routes/reports.js';
import { slowRoutes } from './routes/slow.js';
import { statsRoutes } from './routes/stats.js';
import { userRoutes } from './routes/users.js';
import { Work } from './work.js';

/** Creates the app of the example. The caller makes it listen. */
export function createApp(options: Partial<AppContext> = {}): Express {
  const {
    limiters = createLimiters(),
    work = new Work(),
    playground = new Playground(),
    stopping = new AbortController().signal,
  } = options;
  const context: AppContext = { limiters, work, playground, stopping };

  const app = express();
  // Routes before the limit answer even when the app is full.
  app.use(healthRoutes(context));
  app.use(statsRoutes(context));
  app.use(slowRoutes(context));
  app.use(metricsRoutes(context));
  app.use(dashboardRoutes(context));
  app.use(playgroundRoutes(context));
  app.use(express.static(join(__dirname, 'public')));

  app.use(limit(limiters.app));
  app.use(userRoutes(context));
  app.use(orderRoutes(context));
  app.use(perUserRoutes(context));
  app.use(reportRoutes(context));
  app.use(eventRoutes(context));
  app.use(exportRoutes(context));

  app.use(answerError);
  return app;
}
