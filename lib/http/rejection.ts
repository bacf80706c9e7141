import { STATUS_CODES } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { SemaphoreError } from '../errors.js';

/**
 * Answers a refused request at once: status, `Retry-After`, and `application/problem+json` (RFC 9457) with the error's
 * `code`. The body tells no figure of the limit, and a request body is left to the host to discard.
 */
export function answerRejection(
  res: ServerResponse,
  { code, message }: SemaphoreError,
  status: number,
  retryAfter: number,
): void {
  const body = JSON.stringify({ title: STATUS_CODES[status] ?? 'Refused', status, detail: message, code });
  // Whoever closes a limiter is about to stop serving; this connection had better be made anew, elsewhere.
  if (code === 'ERR_SEMAPHORE_CLOSED') res.shouldKeepAlive = false;
  res.statusCode = status;
  // One by one: `writeHead` does the same and more where a header is set already, as the host's own often are.
  res.setHeader('Retry-After', String(retryAfter));
  // RFC 6585 forbids to store a 429, and whatever an earlier middleware said of caching was meant for a success.
  res.setHeader('Cache-Control', 'no-store');
  res.setHeader('Content-Type', 'application/problem+json');
  res.removeHeader('Content-Encoding');
  res.setHeader('Content-Length', Buffer.byteLength(body));
  res.end(body);
}
