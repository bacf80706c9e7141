import { Socket } from 'node:net';
import type { Server } from 'node:net';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { runInRootContext } from '../internal/root-context.js';

/** Longest time that a connection is not read, in milliseconds. It is below the usual keep-alive timeout of 5 seconds. */
const MAX_HOLD_BACK_MS = 2_000;

/** Connections held back at once. Nobody notices that the client of one has left, so each costs a file descriptor. */
const MAX_HELD_BACK = 10_000;

/** A property of a connection that is held back: it ends that. */
const END = Symbol.for('express-semaphore.end-hold-back');

/** A property of a connection whose hold-back ends in this turn of the event loop. What is read in it was sent before. */
const STALE = Symbol.for('express-semaphore.stale');

interface HeldSocket extends Socket {
  [END]?: (() => void) | undefined;
  [STALE]?: boolean;
  /** The response that is being sent, as Node keeps it. */
  readonly _httpMessage?: ServerResponse | null;
}

let heldBack = 0;

/**
 * Stops reading from the connection of `req` once `res` was sent and its request has been read, for `ms` or 2 seconds.
 *
 * It does nothing where others need the connection: on HTTP/2, during a pipelined request, and when the connection or the
 * server is about to close.
 */
export function holdBackAfter(req: IncomingMessage, res: ServerResponse, server: Server, ms: number): void {
  const { socket } = req;
  // On HTTP/2 the property is a proxy, which is no socket by its prototype only.
  if (req.httpVersionMajor !== 1 || !(socket instanceof Socket)) return;
  res.once('finish', () => {
    if (req.complete) hold();
    // The host discards the body. The connection must be read until then.
    else req.once('close', hold);
  });

  function hold(): void {
    if (res.statusCode >= 400 && res.shouldKeepAlive && server.listening) holdBack(socket, ms);
  }
}

/** Whether the client sent `req` while its connection was held back. Then it may be 2 seconds old. */
export function isStale({ socket }: IncomingMessage): boolean {
  return (socket as HeldSocket)[STALE] === true;
}

/** Reads on from a connection that is held back, if it is. */
export function endHoldBack(socket: Socket): void {
  (socket as HeldSocket)[END]?.();
}

function holdBack(socket: HeldSocket, ms: number): void {
  const isNeeded = socket.destroyed || !socket.writable || (socket._httpMessage ?? null) !== null;
  if (isNeeded || socket[END] !== undefined || heldBack >= MAX_HELD_BACK) return;
  heldBack++;
  const timeoutMs = socket.timeout ?? 0;
  // The keep-alive timeout would destroy the connection, whose next request nobody reads.
  socket.setTimeout(0);
  socket.pause();
  const timer = runInRootContext(() => setTimeout(endInTime, Math.min(ms, MAX_HOLD_BACK_MS)));
  socket[END] = end;
  socket.once('close', end);
  // Whatever reads from the connection again needs it.
  socket.once('resume', end);

  function endInTime(): void {
    socket[STALE] = true;
    end();
    // The platform reads what has arrived before it calls this.
    setImmediate(() => (socket[STALE] = false));
  }

  function end(): void {
    clearTimeout(timer);
    socket[END] = undefined;
    socket.off('close', end);
    socket.off('resume', end);
    heldBack--;
    if (socket.destroyed) return;
    if (socket.timeout === 0) socket.setTimeout(timeoutMs);
    socket.resume();
  }
}
