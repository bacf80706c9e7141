import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { QueueFullError } from '../errors.js';

/** Requests that may wait behind others on one connection; further ones are refused. */
const MAX_DEPTH = 100;

const depths = new WeakMap<Socket, number>();

/**
 * Whether this response stands behind earlier ones of its connection (HTTP/1.1 pipelining).
 *
 * It cannot be sent before they are, and some Node versions never tell its end. A permit given to it could wait for
 * an earlier request that waits for this very permit. So it asks for none before its turn has come.
 */
export function isPipelined(res: ServerResponse): boolean {
  return res.socket === null && !isUpgrade(res.req);
}

/** Nothing is sent before an upgraded connection's response, which some hosts make only to pass middleware, and which has no turn. */
function isUpgrade(req: IncomingMessage): boolean {
  return 'upgrade' in req && req.upgrade === true;
}

/**
 * Resolves when the response gets its turn. If that never comes nothing is left behind: only the response
 * itself knows of the wait. Rejects with a `QueueFullError` behind 100 others, because the host goes on reading requests.
 */
export function waitForTurn({ socket }: IncomingMessage, res: ServerResponse): Promise<void> {
  const depth = depths.get(socket) ?? 0;
  if (depth === MAX_DEPTH) return Promise.reject(new QueueFullError('too many requests on one connection'));
  depths.set(socket, depth + 1);
  return new Promise((resolve) => {
    res.once('socket', () => {
      depths.set(socket, (depths.get(socket) ?? 1) - 1);
      resolve();
    });
  });
}
