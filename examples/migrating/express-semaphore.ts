// One report at a time, two requests wait: with this package.
import express from 'express';
import type { Express, Request, Response } from 'express';
import { limitHandler, Semaphore } from 'express-semaphore';

export function createApp(makeReport: (user: string) => Promise<string>): Express {
  const reports = new Semaphore(1, { queueLimit: 2 });
  const app = express();
  app.get(
    '/report/:user',
    limitHandler(reports, async (req: Request<{ user: string }>, res: Response) => {
      const report = await makeReport(req.params.user);
      if (!res.closed) res.send(report);
    }),
  );
  return app;
}
