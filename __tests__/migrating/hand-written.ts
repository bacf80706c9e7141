import express from 'express';
import type { Express } from 'express';

export function createApp(makeReport: (user: string) => Promise<string>): Express {
  let free = 1;
  const line: (() => void)[] = [];
  const app = express();
  app.use((_req, res, next) => {
    const enter = () => {
      free--;
      res.on('finish', () => {
        free++;
        line.shift()?.();
      });
      next();
    };
    if (free > 0) enter();
    else if (line.length < 2) line.push(enter);
    else res.sendStatus(503);
  });
  app.get('/report/:user', async (req, res) => {
    const report = await makeReport(req.params.user);
    if (!res.closed) res.send(report);
  });
  return app;
}
