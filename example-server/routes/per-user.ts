import { Router } from 'express';
import type { Request, Response } from 'express';
import { limitHandler } from 'express-semaphore';
import type { AppContext } from '../context.js';

/** 2 at once for each user. The API token is the key. A real app checks the token before it limits by it. */
export function perUserRoutes({ limiters, work }: AppContext): Router {
  const router = Router();
  router.use('/me', (req, res, next) => {
    if (tokenOf(req) === undefined) res.status(401).json({ title: 'Send an x-api-token header' });
    else next();
  });
  router.get(
    '/me',
    limitHandler(
      limiters.perUser,
      async (_req: Request, res: Response) => {
        await work.do('me');
        res.json({ plan: '2 requests at once' });
      },
      { key: tokenOf },
    ),
  );
  return router;
}

function tokenOf(req: Request): string | undefined {
  return req.get('x-api-token');
}
