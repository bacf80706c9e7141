import { once } from 'node:events';
import type { Server, ServerResponse } from 'node:http';
import type { Server as SecureServer } from 'node:https';
import { Server as NetServer } from 'node:net';
import type { Socket } from 'node:net';
import { readOptions } from '../internal/options.js';
import { requireDuration, requireMethods } from '../internal/validate.js';
import { closeQuietly } from '../keyed/closed-limiters.js';
import { requireLimiters } from '../keyed/limiters.js';
import type { Limiters } from '../keyed/limiters.js';
import { endHoldBack } from './hold-back.js';

/** Options of `gracefulShutdown`. */
export interface GracefulShutdownOptions {
  /**
   * Time between the call and the first rejection, in milliseconds: as long as your load balancer takes to notice that
   * the process is not ready. Requests are served meanwhile. @defaultValue `0`
   */
  readonly drainMs?: number | undefined;

  /** Time after that until the remaining connections are destroyed, in milliseconds. @defaultValue `10_000` */
  readonly deadlineMs?: number | undefined;
}

/** Time that an idle connection is kept, in milliseconds: a request may be on its way. */
const GRACE_MS = 1_000;

/**
 * Prepares a server of `node:http` or `node:https` to stop without a reset. Call it before the server listens. It returns
 * a function that stops the server.
 *
 * The stop waits for `drainMs`. Then running requests get their answers, and queued and later requests get a 503. The last
 * answer of each connection closes it. Idle connections are closed after 1 second.
 *
 * The function resolves with `true` when the server is closed and no permit is held. At the deadline it destroys all
 * connections and resolves with `false`. Further calls return the same promise. It does not end the process.
 *
 * @throws `TypeError` or `RangeError` for a bad option, naming the option and the value.
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http';
 * import { gracefulShutdown, limit, Semaphore } from 'express-semaphore';
 *
 * const api = new Semaphore(100);
 * const server = createServer((req, res) => limit(api)(req, res, () => res.end('served')));
 * const shutDown = gracefulShutdown(server, { api }, { drainMs: 2_000, deadlineMs: 10_000 });
 * process.once('SIGTERM', async () => process.exit((await shutDown()) ? 0 : 1));
 * ```
 */
export function gracefulShutdown(
  server: Server | SecureServer,
  limiters: Limiters,
  options: GracefulShutdownOptions = {},
): () => Promise<boolean> {
  requireMethods('server', server, 'closeIdleConnections', 'closeAllConnections', 'on');
  requireLimiters(limiters);
  const { drainMs = 0, deadlineMs = 10_000 } = readOptions('gracefulShutdown', options, {
    drainMs: requireDuration,
    deadlineMs: requireDuration,
  });
  /** All open connections, upgraded ones too. */
  const sockets = new Set<Socket>();
  /** The last response of each connection. With pipelined requests only the last one may end the connection. */
  const latest = new Map<Socket, ServerResponse>();
  let isClosing = false;
  let stopped: Promise<boolean> | undefined;

  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.prependListener('request', (req, res) => {
    const { socket } = req;
    if (!latest.has(socket)) socket.once('close', () => latest.delete(socket));
    latest.set(socket, res);
    if (isClosing) res.setHeader('Connection', 'close');
  });

  return () => (stopped ??= shutDown());

  async function shutDown(): Promise<boolean> {
    await delay(drainMs);
    const deadline = new AbortController();
    const isInTime = await Promise.race([finish().then(() => true), delay(deadlineMs, deadline.signal)]);
    deadline.abort();
    if (isInTime === true) return true;
    for (const socket of sockets) socket.destroy();
    return false;
  }

  async function finish(): Promise<void> {
    isClosing = true;
    for (const res of latest.values()) if (!res.headersSent) res.setHeader('Connection', 'close');
    for (const limiter of Object.values(limiters)) closeQuietly(limiter, 'the server is stopping');
    // The clients of connections that are held back must learn that they need another process.
    for (const socket of sockets) endHoldBack(socket);

    const closed = once(server, 'close');
    // close() of an HTTP server destroys idle connections at once, and with them a request that is just arriving.
    NetServer.prototype.close.call(server);
    server.keepAliveTimeout = GRACE_MS;
    setTimeout(() => {
      server.closeIdleConnections();
      // The host does not count a connection as idle that has sent nothing, such as one that a browser opens ahead.
      for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
    }, GRACE_MS).unref();
    await closed;
    await Promise.all(Object.values(limiters).map((limiter) => limiter.idle()));
  }
}

/** Resolves after `ms`, never for `Infinity`. */
function delay(ms: number, signal?: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (ms === Infinity) return;
    const timer = setTimeout(resolve, ms, undefined);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
    });
  });
}
