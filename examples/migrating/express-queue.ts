// One report at a time, two requests wait: with express-queue.
import express from 'express';
import type { Express } from 'express';
import queue from 'express-queue';

export function createApp(makeReport: (user: string) => Promise<string>): Express {
  const app = express();
  app.use(queue({ activeLimit: 1, queuedLimit: 2 }));
  app.get('/report/:user', async (req, res) => {
    const report = await makeReport(req.params.user);
    if (!res.closed) res.send(report);
  });
  return app;
}
