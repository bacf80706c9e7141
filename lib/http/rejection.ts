import { STATUS_CODES } from 'node:http';
import type { ServerResponse } from 'node:http';
import { withoutStacks } from '../errors.js';
import type { SemaphoreError } from '../errors.js';
import { retryAfterSeconds } from '../internal/retry-after.js';

/** Values that replace those of the error in an answer. */
export interface AnswerOptions {
  readonly statusCode?: number | undefined;
  readonly retryJitter?: boolean | undefined;
  readonly message?: string | undefined;
}

/**
 * Headers that earlier middleware set for a success. They would break or misdescribe the body of a rejection, or let a
 * proxy send or store something else.
 */
const SUCCESS_HEADER =
  /^(content-(?!security).*|transfer-encoding|trailer|.*digest|signature.*|etag|last-modified|accept-ranges|expires|age|(.*cdn-cache|surrogate)-control|x-accel-.*|x-sendfile|location|refresh)$/;

/** Removes what earlier middleware set for a success: headers, and the status message. */
export function removeSuccess(res: ServerResponse): void {
  for (const name of res.getHeaderNames()) if (SUCCESS_HEADER.test(name)) res.removeHeader(name);
  // RFC 6585 forbids to store a 429.
  if (res.hasHeader('cache-control')) res.setHeader('Cache-Control', 'no-store');
  // HTTP/2 has no status message, and Node warns of each access.
  if (!('stream' in res)) res.statusMessage = '';
}

/**
 * The error that says what the built-in answer says: `rejection` itself, or a fresh one if `options` ask for another
 * status or no jitter. So `next(error)` gives the same status and headers on every host.
 */
export function asAnswered(rejection: SemaphoreError, options: AnswerOptions): SemaphoreError {
  const { statusCode = rejection.status, retryJitter = true } = options;
  if (statusCode === rejection.status && retryJitter) return rejection;
  const { message, retryAfterMs, cause, scope } = rejection;
  const Rejection = rejection.constructor as new (message: string, options: object) => SemaphoreError;
  const fresh = withoutStacks(() => new Rejection(message, { retryAfterMs, cause, scope }));
  const headers = { 'Retry-After': retryAfterOf(rejection, options) };
  // Writable, because Koa assigns the status that it answers with.
  return Object.defineProperties(fresh, {
    status: { value: statusCode, writable: true },
    statusCode: { value: statusCode, writable: true },
    headers: { value: headers, writable: true },
  });
}

/**
 * Answers a rejected request: status, `Retry-After`, and `application/problem+json` (RFC 9457) with the error's `code`. The
 * body contains no figure of the limit. The host discards a request body.
 */
export function answerRejection(
  res: ServerResponse,
  rejection: SemaphoreError,
  options: AnswerOptions,
): void {
  const { status, headers, body } = answerOf(rejection, options);
  // The process of a closed limiter is about to stop. The client needs another connection, to another process.
  if (rejection.code === 'ERR_SEMAPHORE_CLOSED') res.shouldKeepAlive = false;
  removeSuccess(res);
  // The `writeHead` of another middleware may ignore headers that it is passed.
  if (Object.hasOwn(res, 'writeHead')) {
    res.statusCode = status;
    for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
  } else res.writeHead(status, headers);
  res.end(body);
}

/** The same answer as the text of a whole HTTP/1.1 response. Its connection ends with it. */
export function rejectionText(rejection: SemaphoreError, options: AnswerOptions): string {
  const { status, headers, body } = answerOf(rejection, options);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  const first = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Rejected'}`;
  return [first, 'Connection: close', ...lines, '', body].join('\r\n');
}

function answerOf(rejection: SemaphoreError, options: AnswerOptions) {
  const status = options.statusCode ?? rejection.status;
  const { body, length } = bodyOf(rejection.code, options.message ?? rejection.message, status);
  const headers = {
    'Retry-After': retryAfterOf(rejection, options),
    // RFC 6585 forbids to store a 429, and an earlier middleware's directive was meant for a success.
    'Cache-Control': 'no-store',
    'Content-Type': 'application/problem+json',
    'Content-Length': length,
  };
  return { status, headers, body };
}

function retryAfterOf(
  { headers, retryAfterMs }: SemaphoreError,
  { retryJitter = true }: AnswerOptions,
): string {
  return (retryJitter ? headers['Retry-After'] : undefined) ?? String(retryAfterSeconds(retryAfterMs));
}

interface Body {
  readonly status: number;
  readonly message: string;
  readonly body: string;
  readonly length: string;
}

/** The last body of each code. Nearly all rejections of one code have the same status and message. */
const bodies = new Map<string, Body>();

function bodyOf(code: string, message: string, status: number): Body {
  const last = bodies.get(code);
  if (last?.status === status && last.message === message) return last;
  const title = STATUS_CODES[status] ?? 'Rejected';
  const body = JSON.stringify({ title, status, detail: message, code });
  const made = { status, message, body, length: String(Buffer.byteLength(body)) };
  bodies.set(code, made);
  return made;
}
