import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Http2SecureServer, Http2Server, ServerHttp2Session } from 'node:http2';
import type { Server as SecureServer } from 'node:https';
import { Server as NetServer } from 'node:net';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { readOptions } from '../internal/options.js';
import { MAX_TIMER_MS, requireDuration, requireMethods } from '../internal/validate.js';
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

/** The largest stream number of HTTP/2. */
const LAST_STREAM = 2 ** 31 - 1;

/** Time that an idle connection is kept, in milliseconds: a request may be on its way. */
const GRACE_MS = 1_000;

/**
 * Prepares a server of `node:http`, `node:https` or `node:http2` to stop without a reset. Call it before the server
 * listens. It returns a function that stops the server.
 *
 * The stop waits for `drainMs`. Then running requests get their answers, and queued and later requests get a 503. The last
 * answer of each connection closes it. Idle connections are closed after 1 second. A client of HTTP/2 gets a GOAWAY, and its
 * session closes after that second, with its last stream.
 *
 * The function resolves with `true` when the server is closed and no permit is held. At the deadline it destroys all
 * connections and resolves with `false`. Further calls return the same promise. It does not end the process.
 *
 * @param server - A server that does not listen yet.
 * @param limiters - The limiters to close: an object as in `{ api }`, or a list.
 * @param options - How long the stop takes.
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
  server: Server | SecureServer | Http2Server | Http2SecureServer,
  limiters: Limiters,
  options: GracefulShutdownOptions = {},
): () => Promise<boolean> {
  requireMethods('server', server, 'on', 'setTimeout');
  requireLimiters(limiters);
  const { drainMs = 0, deadlineMs = 10_000 } = readOptions('gracefulShutdown', options, {
    drainMs: requireDuration,
    deadlineMs: requireDuration,
  });
  /** All open connections, upgraded ones too, and the sessions of HTTP/2. */
  const connections = new Set<Connection>();
  /** The last response of each connection. With pipelined requests only the last one may end the connection. */
  const latest = new Map<Socket, ServerResponse>();
  let isClosing = false;
  let stopped: Promise<boolean> | undefined;

  const host: NetServer & Partial<Pick<Server, 'closeIdleConnections' | 'keepAliveTimeout'>> = server;
  for (const event of ['connection', 'session']) {
    host.on(event, (connection: Connection) => {
      connections.add(connection);
      connection.once('close', () => connections.delete(connection));
    });
  }
  host.prependListener('request', ({ socket, httpVersionMajor }: IncomingMessage, res: ServerResponse) => {
    if (httpVersionMajor === 2) return;
    if (!latest.has(socket)) socket.once('close', () => latest.delete(socket));
    latest.set(socket, res);
    if (isClosing) res.setHeader('Connection', 'close');
  });

  return () => (stopped ??= shutDown());

  async function shutDown(): Promise<boolean> {
    await delay(Math.min(drainMs, MAX_TIMER_MS));
    const deadline = new AbortController();
    const late = delay(Math.min(deadlineMs, MAX_TIMER_MS), false, { signal: deadline.signal });
    const isInTime = await Promise.race([finish(), late]);
    deadline.abort();
    if (!isInTime) for (const connection of connections) connection.destroy();
    return isInTime;
  }

  async function finish(): Promise<boolean> {
    isClosing = true;
    for (const res of latest.values()) if (!res.headersSent) res.setHeader('Connection', 'close');
    for (const limiter of Object.values(limiters)) closeQuietly(limiter, 'the server is stopping');
    for (const connection of connections) {
      // The clients of connections that are held back must learn that they need another process.
      endHoldBack(connection);
      // It promises to process all streams, also those that are on their way.
      connection.goaway?.(0, LAST_STREAM);
    }

    const closed = new Promise((resolve) => host.once('close', resolve));
    // close() of an HTTP server destroys idle connections at once, and with them a request that is just arriving.
    NetServer.prototype.close.call(host);
    host.keepAliveTimeout = GRACE_MS;
    setTimeout(() => {
      host.closeIdleConnections?.();
      for (const connection of connections) {
        connection.close?.();
        // The host does not count a connection as idle that has sent nothing, such as one that a browser opens ahead.
        if (connection.bytesRead === 0) connection.destroy();
      }
    }, GRACE_MS).unref();
    await closed;
    await Promise.allSettled(Object.values(limiters).map((limiter) => limiter.idle()));
    return true;
  }
}

/** A socket, or a session of HTTP/2. */
type Connection = Socket & Partial<Pick<ServerHttp2Session, 'goaway' | 'close'>>;
