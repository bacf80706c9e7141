import { Router } from 'express';
import type { Request, Response } from 'express';
import { limitHandler } from 'express-semaphore';
import type { AppContext } from '../context.js';

/**
 * A route with a semaphore of its own: 3 at once. Its permit lasts until the handler's promise settles, even if the
 * client leaves. Under the order `fair` each token has its turn. Under `priority` the operator goes first.
 */
export function userRoutes({ limiters, work }: AppContext): Router {
  const router = Router();
  router.get(
    '/users',
    limitHandler(
      limiters.users,
      async (_req: Request, res: Response) => {
        await work.do('users');
        res.json([{ name: 'Ada' }, { name: 'Grace' }]);
      },
      {
        flow: (req) => req.get('x-api-token') ?? '',
        priority: (req) => (req.get('x-api-token') === 'operator' ? 10 : 0),
      },
    ),
  );
  return router;
}
