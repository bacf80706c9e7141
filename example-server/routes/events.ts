import { Router } from 'express';
import type { Response } from 'express';
import { limit, permitOf } from 'express-semaphore';
import type { AppContext } from '../context.js';

/** Server-sent events: the work that starts a stream is limited. The time that the stream stays open is not. */
export function eventRoutes({ limiters, work, stopping }: AppContext): Router {
  const router = Router();
  const open = new Set<Response>();
  stopping.addEventListener('abort', () => {
    for (const res of open) res.end();
  });

  router.get('/events', limit(limiters.events), async (_req, res) => {
    const start = work.do('events');
    permitOf(res)?.hold(start);
    await start;
    if (res.closed) return;

    res.writeHead(200, {
      'Content-Type': 'text/event-stream',
      'Cache-Control': 'no-store',
    });
    permitOf(res, limiters.events)?.release();
    permitOf(res, limiters.app)?.release();

    const send = () => res.write(`data: ${new Date().toISOString()}\n\n`);
    const timer = setInterval(send, 1_000);
    open.add(res);
    res.once('close', () => {
      clearInterval(timer);
      open.delete(res);
    });
    send();
    if (stopping.aborted) res.end();
  });
  return router;
}
