/** On the connection itself, which it is set on once for all its requests. */
const CURRENT = Symbol('current exchange');

/** What a response travels on: the socket of HTTP/1.1, the stream of HTTP/2, or a host's stand-in without events. */
export interface Connection {
  on?(event: 'close', listener: (this: Connection) => void): unknown;
  [CURRENT]?: Ending;
}

interface Ending {
  end(gone: boolean): void;
}

/**
 * Ends `exchange` when its connection closes, though somebody took all listeners off the response, as some middleware does.
 * A connection gets one listener, however many requests it carries: it remembers the one whose turn it is.
 */
export function endWithConnection(connection: Connection, exchange: Ending): void {
  if (connection[CURRENT] === undefined) connection.on?.('close', onClose);
  connection[CURRENT] = exchange;
}

function onClose(this: Connection): void {
  this[CURRENT]?.end(true);
}
