import { Router } from 'express';
import type { Request, Response } from 'express';
import { limitHandler } from 'express-semaphore';
import type { AppContext } from '../app.js';

/**
 * A route with a semaphore of its own: 3 at once. Its permit spans the handler's promise, even if the client leaves.
 * Where the order of its line cares, each token has its turn, and one goes first.
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
