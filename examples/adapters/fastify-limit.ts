// A limit for Fastify, made of `admission`. A permit is held until the response of its request is over.
import type { onRequestAsyncHookHandler } from 'fastify';
import { admission, isSemaphoreError } from 'express-semaphore';
import type { Limiter, LimitOptions } from 'express-semaphore';

export function fastifyLimit(
  limiter: Limiter,
  options: Omit<LimitOptions, 'onRejected' | 'dryRun'> = {},
): onRequestAsyncHookHandler {
  const admit = admission(limiter, options);

  return async (request, reply) => {
    // `clientKey()` reads the trusted address from `req.ip`, where Express has it.
    const req = Object.assign(request.raw, { ip: request.ip });
    const decision = await admit(req, reply.raw);
    if (isSemaphoreError(decision)) {
      const { status, code, message } = decision;
      reply.code(status).headers(decision.headers).header('Cache-Control', 'no-store');
      return reply.type('application/problem+json').send(JSON.stringify({ status, code, detail: message }));
    }
    if (decision === 'over') reply.hijack();
  };
}
