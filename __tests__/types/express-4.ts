// Never run: that this compiles, without one cast, is the test. The types are those of Express 4.
import express from 'express4';
import type { NextFunction, Request, RequestHandler, Response } from 'express4';
import { clientKey, KeyedSemaphore, limit, limitHandler, permitOf, Semaphore } from 'express-semaphore';
import type { LimitOptions, Middleware } from 'express-semaphore';
import { dashboard } from 'express-semaphore/dashboard';

const semaphore = new Semaphore(2);
const keyed = new KeyedSemaphore(() => new Semaphore(2));

export function mounted(): void {
  const handler = limitHandler(semaphore, async (req: Request, res: Response) => {
    permitOf(res, semaphore)?.hold(Promise.resolve());
    await Promise.resolve(res.json({ id: req.params['id'], ip: req.ip }));
  });
  const inferred: RequestHandler = limit(keyed, { key: (req: Request) => req.get('x-api-token') });
  const failing = limitHandler(semaphore, (_req: Request, _res: Response, next: NextFunction) => {
    next(new Error('no'));
  });
  const options: LimitOptions<Request, Response> = {
    skip: (req) => req.path === '/health',
    onRejected: (_req, res, _next, rejection) => res.status(rejection.status).send(rejection.code),
  };
  const plain: Middleware = limit(semaphore);
  express()
    .use(plain)
    .use(limit(keyed, { key: clientKey(), statusCode: 503 }))
    .use('/limits', dashboard({ semaphore, keyed }, { authorize: (req: Request) => req.ip === '127.0.0.1' }))
    .get('/a', limit(semaphore, options), handler)
    .post('/b', [inferred, failing])
    .use('/c', express.Router().use(limit(semaphore)));
}

/** Express 5 has this no more: were these its types, this would not compile. */
export const onlyExpress4: 'param' extends keyof Request ? true : never = true;
