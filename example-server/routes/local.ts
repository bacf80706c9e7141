import type { IncomingMessage } from 'node:http';

/**
 * Whether a request comes from this machine. Its `Host` must name this machine, too: the name of a page elsewhere may
 * resolve to 127.0.0.1. Its `Origin`, which a browser sends with each change, must be this server.
 */
export function isOnThisMachine({ socket, headers: { host = '', origin } }: IncomingMessage): boolean {
  const isLocal = ['127.0.0.1', '::1', '::ffff:127.0.0.1'].includes(socket.remoteAddress ?? '');
  const isLocalHost = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/.test(host);
  return isLocal && isLocalHost && (origin === undefined || origin === `http://${host}`);
}
