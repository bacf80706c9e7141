import { STATUS_CODES } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { SemaphoreError } from '../errors.js';

/**
 * Answers a refused request at once: status, `Retry-After`, and `application/problem+json` (RFC 9457) with the error's
 * `code`. The body tells no figure of the limit, and a request body is left to the host to discard.
 */
export function answerRejection(res: ServerResponse, rejection: SemaphoreError): void {
  const { status, code, message } = rejection;
  const body = JSON.stringify({ title: STATUS_CODES[status] ?? 'Refused', status, detail: message, code });
  res.writeHead(status, {
    'Retry-After': '1',
    ...rejection.headers,
    // Whoever closes a limiter is about to stop serving; this connection had better be made anew, elsewhere.
    ...(code === 'ERR_SEMAPHORE_CLOSED' && { Connection: 'close' }),
    'Content-Type': 'application/problem+json',
    'Content-Length': Buffer.byteLength(body),
  });
  res.end(body);
}
