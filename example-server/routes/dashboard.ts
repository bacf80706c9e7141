import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Router } from 'express';
import { dashboard } from 'express-semaphore/dashboard';
import type { AppContext } from '../app.js';

/** Every limiter live on one page. The keys are API tokens, so a hash stands for each. */
export function dashboardRoutes({ limiters, playground }: AppContext): Router {
  const router = Router();
  const shown = {
    // A getter, as the playground's limiter is replaced by others.
    get playground() {
      return playground.limiter;
    },
    ...limiters,
  };
  const { controls } = playground;
  router.use('/limits', dashboard(shown, { authorize: isOnThisMachine, maskKey: hashOf, controls }));
  return router;
}

/** By its connection and by the name it asks for: a page elsewhere could have a name of its own lead here. */
function isOnThisMachine({ socket, headers: { host = '' } }: IncomingMessage): boolean {
  const isLocal = ['127.0.0.1', '::1', '::ffff:127.0.0.1'].includes(socket.remoteAddress ?? '');
  return isLocal && /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/.test(host);
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex').slice(0, 12);
}
