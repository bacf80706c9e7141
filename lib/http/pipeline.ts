import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Requests of one connection that may wait for their turn. Further ones are rejected. */
const MAX_DEPTH = 100;

const depths = new WeakMap<Socket, number>();

/**
 * Whether earlier responses of the same connection must be sent before `res` (HTTP/1.1 pipelining).
 *
 * A permit granted to such a request could wait for an earlier request that waits for this very permit. Some Node
 * versions also never emit `close` for its response. It must not acquire a permit before its turn.
 *
 * A missing socket alone proves nothing: injected requests, web adapters and unit tests have none either. The proof is a
 * response to another request that owns the socket.
 */
export function isPipelined(req: IncomingMessage, res: ServerResponse): boolean {
  return res.socket === null && hostResponseOf(req) === null && !isUpgrade(req);
}

/**
 * The response that the host sends for `req`. A middleware may have passed on a wrapper of it, or a response of its own. It
 * is `null` while the host sends one for another request, and `undefined` where no host sends a response.
 */
export function hostResponseOf(req: IncomingMessage): ServerResponse | null | undefined {
  const { socket, rawHeaders, httpVersionMajor } = req as Received;
  const first = socket?._httpMessage;
  if (!first?.req) return undefined;
  // A wrapper of a request has its headers. A request that a middleware made has no version.
  return httpVersionMajor === null || first.req.rawHeaders === rawHeaders ? first : null;
}

/** What Node keeps of a request: the response that is being sent owns its socket. A mock may have less. */
interface Received {
  readonly rawHeaders?: readonly string[];
  readonly httpVersionMajor?: number | null;
  readonly socket?: { readonly _httpMessage?: (ServerResponse & { req?: IncomingMessage }) | null } | null;
}

/** An upgraded connection sends no further responses, so a response that a host makes for it never gets a turn. */
function isUpgrade(req: IncomingMessage): boolean {
  return 'upgrade' in req && req.upgrade === true;
}

/** Calls `listener` when the pipelined response `res` becomes the first of its connection. */
export function onTurn(res: ServerResponse, listener: () => void): void {
  res.once('socket', listener);
}

/** Whether 100 requests of this connection wait for their turn already. The host reads on without a bound. */
export function isTooDeep({ socket }: IncomingMessage): boolean {
  return (depths.get(socket) ?? 0) >= MAX_DEPTH;
}

/**
 * Resolves when the pipelined response gets its turn. If the turn never comes, only the response itself refers to the
 * promise. `isCounted` tells whether the request counts towards the depth of its connection.
 */
export function waitForTurn(
  { socket }: IncomingMessage,
  res: ServerResponse,
  isCounted: boolean,
): Promise<void> {
  if (isCounted) depths.set(socket, (depths.get(socket) ?? 0) + 1);
  return new Promise((resolve) => {
    onTurn(res, () => {
      if (isCounted) depths.set(socket, (depths.get(socket) ?? 1) - 1);
      resolve();
    });
  });
}
