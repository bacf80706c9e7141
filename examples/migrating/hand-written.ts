// One report at a time, two requests wait: as it is often written by hand. It has the faults that the guide describes.
import express from 'express';
import type { Express } from 'express';

export function createApp(makeReport: (user: string) => Promise<string>): Express {
  let free = 1;
  const waiting: (() => void)[] = [];
  const app = express();
  app.use((_req, res, next) => {
    const enter = () => {
      free--;
      res.on('finish', () => {
        free++;
        waiting.shift()?.();
      });
      next();
    };
    if (free > 0) enter();
    else if (waiting.length < 2) waiting.push(enter);
    else res.sendStatus(503);
  });
  app.get('/report/:user', async (req, res) => {
    const report = await makeReport(req.params.user);
    if (!res.closed) res.send(report);
  });
  return app;
}
