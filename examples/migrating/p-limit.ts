// One report at a time, others wait: with p-limit, whose queue has no bound.
import express from 'express';
import type { Express } from 'express';
import pLimit from 'p-limit';

export function createApp(makeReport: (user: string) => Promise<string>): Express {
  const limit = pLimit(1);
  const app = express();
  app.get('/report/:user', async (req, res) => {
    const report = await limit(() => makeReport(req.params.user));
    if (!res.closed) res.send(report);
  });
  return app;
}
