import express, { Router } from 'express';
import type { Request, Response } from 'express';
import { limit, limitHandler } from 'express-semaphore';
import type { AppContext } from '../context.js';

/**
 * Another route with a semaphore of its own: 10 at once. `limit` is mounted before the body parser, so the body of a
 * rejected request is not read. `limitHandler` with the same semaphore takes no second permit. It extends the first one
 * to the end of the handler.
 */
export function orderRoutes({ limiters, work }: AppContext): Router {
  const router = Router();
  router.use('/orders', limit(limiters.orders));
  router.get(
    '/orders',
    limitHandler(limiters.orders, async (_req: Request, res: Response) => {
      await work.do('orders');
      res.json([{ item: 'tea' }]);
    }),
  );
  router.post(
    '/orders',
    express.json(),
    limitHandler(limiters.orders, async (req: Request, res: Response) => {
      await work.do('orders');
      res.status(201).json(req.body);
    }),
  );
  return router;
}
