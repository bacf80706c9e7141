import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server } from 'node:net';
import type { Limiter } from '../core/limiter.js';
import { isSemaphoreError } from '../errors.js';
import { requireBoolean, requireFunction, requireMethods, requireObject } from '../internal/validate.js';
import { warnFirst } from '../internal/warn.js';
import type { KeyedLimiter } from '../keyed/key-limiter.js';
import { holdBackAfter, isStale } from './hold-back.js';
import type { KeyedLimitOptions, LimitOptions } from './limit-options.js';
import { createMiddleware, destroyResponse } from './middleware.js';
import { answerRejection } from './rejection.js';

interface HoldBackOption {
  /**
   * Whether the server does not read from the connection of a rejected client until its `Retry-After` has passed, for at
   * most 2 seconds. What the client sends meanwhile is then rejected, so a client that retries at once costs little.
   *
   * It has no effect on HTTP/2, and on a response that is no error. Do not use it behind a proxy that sends the requests
   * of several clients over one connection: they would wait, too. @defaultValue `false`
   */
  readonly holdBack?: boolean | undefined;
}

/** Options of `limitServer`. */
export type ServerLimitOptions = LimitOptions & HoldBackOption;

/** Options of `limitServer` with a `KeyedSemaphore`. */
export type KeyedServerLimitOptions = KeyedLimitOptions & HoldBackOption;

/** The events that bring a request, also one that expects an answer before it sends its body. */
const REQUESTS: readonly unknown[] = ['request', 'checkContinue', 'checkExpectation'];

/**
 * Limits all requests of a server before any listener sees them: those of an Express app, and listeners that are added
 * later. It does what `limit` does, for less. Returns `server`.
 *
 * - The server is one of `node:http`, `node:https`, or `node:http2` with its compatibility API.
 * - A client with `Expect: 100-continue` sends its body only after it got a permit.
 * - `next()` in `onRejected` passes the request on, and `next(rejection)` sends the built-in answer.
 * - An option function that fails is answered with status 500. The first failure is a process warning.
 * - Upgrades are not limited: use `limitUpgrade`.
 *
 * @param server - A server of `node:http`, `node:https` or `node:http2`.
 * @param limiter - Grants the permits for each key: a `KeyedSemaphore`, or a `chain` with one.
 * @param options - The options of `limit` with `key`, and `holdBack`.
 *
 * @throws `TypeError` or `RangeError` for a bad option, naming the option and the value.
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http';
 * import express from 'express';
 * import { limitServer, Semaphore } from 'express-semaphore';
 *
 * const api = new Semaphore(100, { queueLimit: 200 });
 * const server = createServer(express());
 * limitServer(server, api, { maxWaitMs: 100, skip: (req) => req.url?.split('?')[0] === '/health' }).listen(3000);
 * ```
 */
export function limitServer<Of extends Server>(
  server: Of,
  limiter: KeyedLimiter,
  options: KeyedServerLimitOptions,
): Of;
/**
 * Limits all requests of a server before any listener sees them, with a limiter without keys. Returns `server`.
 *
 * @param server - A server of `node:http`, `node:https` or `node:http2`.
 * @param limiter - Grants the permits: a `Semaphore` or another limiter without keys.
 * @param options - The options of `limit`, and `holdBack`.
 */
export function limitServer<Of extends Server>(
  server: Of,
  limiter: Limiter,
  options?: ServerLimitOptions,
): Of;
export function limitServer<Of extends Server>(
  server: Of,
  limiter: Limiter | KeyedLimiter,
  options: ServerLimitOptions = {},
): Of {
  requireMethods('server', server, 'address', 'emit', 'listenerCount', 'on');
  requireObject('options', options);
  const { holdBack = false, onRejected, ...others } = options;
  requireBoolean('holdBack', holdBack);
  if (onRejected !== undefined) requireFunction('onRejected', onRejected);
  const handler = holdBack ? rejectAndHoldBack : onRejected;
  const limited = createMiddleware(
    'limitServer',
    limiter,
    { ...others, onRejected: handler },
    undefined,
    holdBack ? isStale : undefined,
  );
  const emit = server.emit.bind(server) as (event: unknown, ...args: unknown[]) => boolean;

  continueAfterPermit(server);
  server.emit = function emitLimited(event: unknown, ...args: unknown[]): boolean {
    if (!REQUESTS.includes(event)) return emit(event, ...args);
    limitRequest(event, args[0] as IncomingMessage, args[1] as ServerResponse);
    return true;
  };
  return server;

  function limitRequest(event: unknown, req: IncomingMessage, res: ServerResponse): void {
    let isServed = false;
    try {
      limited(req, res, serve);
    } catch (error) {
      failUnlessServed(error);
    }

    function serve(error?: unknown): void {
      if (error === undefined) {
        isServed = true;
        emit(event, req, res);
      } else if (isSemaphoreError(error) && !res.headersSent) answerRejection(res, error, options);
      else failUnlessServed(error);
    }

    /** What a listener throws ends the process, as without a limit. */
    function failUnlessServed(error: unknown): void {
      if (isServed) throw error;
      fail(error, res);
    }
  }

  function rejectAndHoldBack(...rejected: Parameters<NonNullable<typeof onRejected>>): unknown {
    const [req, res, , rejection] = rejected;
    holdBackAfter(req, res, server, Number(rejection.headers['Retry-After']) * 1_000);
    if (onRejected !== undefined) return onRejected(...rejected);
    answerRejection(res, rejection, options);
    return undefined;
  }

  function fail(error: unknown, res: ServerResponse): void {
    warnFirst(limited, 'WARN_SEMAPHORE_SERVER_FAILED', 'an option of limitServer failed', error);
    if (res.headersSent) destroyResponse(res);
    else {
      res.writeHead(500);
      res.end();
    }
  }
}

/** A property of a server whose clients are told to continue by this package. */
const CONTINUES = Symbol.for('express-semaphore.continues');

/**
 * Tells a client with `Expect: 100-continue` to send its body, once its request has a permit. Without a listener Node.js
 * tells each client before it emits an event. A listener of the application replaces this one.
 */
function continueAfterPermit(server: Server & { [CONTINUES]?: true }): void {
  if (server[CONTINUES] === true) return;
  server[CONTINUES] = true;
  server.on('checkContinue', (req: IncomingMessage, res: ServerResponse) => {
    if (server.listenerCount('checkContinue') > 1) return;
    res.writeContinue();
    // The request has its permit, which it does not acquire again.
    server.emit('request', req, res);
  });
}
