import type { NextFunction, Request, Response } from 'express';
import { isSemaphoreError } from 'express-semaphore';

/**
 * Answers rejections that reach Express as errors: those of a limited function, which knows no response. Without it
 * Express answers with the same status but logs a stack for each, which floods the log under overload.
 */
export function answerError(error: unknown, req: Request, res: Response, next: NextFunction): void {
  if (req.socket.destroyed) return;
  if (!isSemaphoreError(error) || res.headersSent) {
    next(error);
    return;
  }
  const { status, code, message, headers } = error;
  res.status(status).set(headers).type('application/problem+json');
  res.send(JSON.stringify({ title: 'Too busy', status, detail: message, code }));
}
