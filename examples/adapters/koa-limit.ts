// A limit for Koa, made of `admission`. A permit is held until the response of its request is over.
import type { Middleware } from 'koa';
import { admission, isSemaphoreError } from 'express-semaphore';
import type { Limiter, LimitOptions } from 'express-semaphore';

export function koaLimit(
  limiter: Limiter,
  options: Omit<LimitOptions, 'onRejected' | 'dryRun'> = {},
): Middleware {
  const admit = admission(limiter, options);

  return async (context, next) => {
    // `clientKey()` reads the trusted address from `req.ip`, where Express has it.
    const req = Object.assign(context.req, { ip: context.ip });
    const decision = await admit(req, context.res);
    if (isSemaphoreError(decision)) {
      const { status, code, message } = decision;
      context.status = status;
      context.set(decision.headers);
      context.set('Cache-Control', 'no-store');
      context.body = { status, code, detail: message };
      context.type = 'application/problem+json';
    } else if (decision === 'over') context.respond = false;
    else await next();
  };
}
