import { once } from 'node:events';
import type { Server, ServerResponse } from 'node:http';
import { Server as NetServer } from 'node:net';
import type { Socket } from 'node:net';

/** A `Limiter` or a `KeyedSemaphore`. */
interface Closable {
  close(reason?: unknown): void;
  idle(): Promise<void>;
}

/**
 * Prepares a server to stop without a reset. Call it before the server listens. It returns a function that stops the
 * server and resolves when the last answer is sent and the last permit is released.
 *
 * Each running request gets its answer. Queued requests, and later requests on open connections, get a 503. Every answer
 * ends its connection. A connection without requests is closed after `graceMs`.
 */
export function prepareShutdown(
  server: Server,
  limiters: readonly Closable[],
  graceMs = 1_000,
): () => Promise<void> {
  /** The last response of each open connection. With pipelined requests only the last one may end the connection. */
  const latest = new Map<Socket, ServerResponse>();
  let isStopping = false;

  server.on('connection', (socket) => {
    socket.once('close', () => latest.delete(socket));
  });
  server.prependListener('request', (req, res) => {
    latest.set(req.socket, res);
    if (isStopping) res.setHeader('Connection', 'close');
  });

  return async function shutDown() {
    isStopping = true;
    for (const res of latest.values()) if (!res.headersSent) res.setHeader('Connection', 'close');
    for (const limiter of limiters) limiter.close('the server is stopping');

    // close() of an HTTP server destroys idle connections at once, and with them a request that is just arriving.
    NetServer.prototype.close.call(server);
    server.keepAliveTimeout = graceMs;
    setTimeout(() => {
      server.closeIdleConnections();
    }, graceMs).unref();

    await once(server, 'close');
    await Promise.all(limiters.map((limiter) => limiter.idle()));
  };
}
