import { once } from 'node:events';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { Router } from 'express';
import type { Request, Response } from 'express';
import { KeyedSemaphore, limit, limitHandler, permitOf, Semaphore } from 'express-semaphore';
import type { HandlerCount } from './count';

export const FAULTS = [
  'throw',
  'reject',
  'late',
  'early',
  'unread',
  'echo',
  'large',
  'destroy',
  'release',
  'gone',
] as const;

export function faultLimiters() {
  return {
    faults: new Semaphore(4, { queueLimit: 30 }),
    endless: new Semaphore(3, { queueLimit: 10 }),
    // Small, so that keys are evicted and rejected all the time.
    keyed: new KeyedSemaphore(() => new Semaphore(1, { queueLimit: 5 }), { maxKeys: 3, idleTtlMs: 5 }),
    upgrades: new Semaphore(2),
  };
}

/** Routes that do what the example's are too well-behaved for. */
export function faultRoutes(
  { faults, endless, keyed }: ReturnType<typeof faultLimiters>,
  count: HandlerCount,
  /** Told of each request whose handler has been entered. */
  entered: (req: Request) => void,
): Router {
  const router = Router();
  // On its way to the limit for a while, so that requests behind it on its connection arrive meanwhile.
  router.use('/auth', (_req, _res, next) => {
    setTimeout(next, 2);
  });
  router.all(
    ['/faults/:what', '/auth/:what'],
    limitHandler(
      faults,
      (req: Request<{ what: string }>, res: Response) => {
        entered(req);
        if (req.params.what === 'throw') throw new Error('thrown');
        return count.during('faults', () => commit(req.params.what, req, res));
      },
      { maxWaitMs: 300 },
    ),
  );
  router.get('/endless', limit(endless, { maxWaitMs: 300 }), (req, res) => {
    entered(req);
    count.begin('endless');
    res.once('close', () => {
      count.end('endless');
    });
  });
  router.get(
    '/keyed/:key',
    limitHandler(
      keyed,
      (req: Request<{ key: string }>, res: Response) =>
        count.during(`key ${req.params.key}`, async () => {
          entered(req);
          await turn();
          res.send(req.params.key);
        }),
      {
        maxWaitMs: 300,
        key: async (req: Request<{ key: string }>) => {
          await turn();
          return req.params.key;
        },
      },
    ),
  );
  return router;
}

async function commit(fault: string, req: Request, res: Response): Promise<void> {
  const permit = permitOf(res);
  if (fault === 'early') res.end('early');
  if (fault === 'late') res.write('half');
  if (fault === 'gone' && permit?.signal.aborted === false) await once(permit.signal, 'abort');
  await sleep(5);
  if (fault === 'reject' || fault === 'late') throw new Error(fault);
  if (fault === 'destroy') res.destroy();
  if (fault === 'echo') req.pipe(res);
  if (fault === 'large') res.end(Buffer.alloc(500_000));
  if (fault === 'release') {
    permit?.release();
    permit?.release();
  }
  if (fault === 'release' || fault === 'unread') res.end('done');
}
