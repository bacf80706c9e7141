/** Time between two looks at the streams of a client that has sent GOAWAY, in milliseconds. */
const CHECK_MS = 1_000;

/** The state of a stream that the HTTP/2 library has closed and forgotten: `NGHTTP2_STREAM_STATE_IDLE`. */
const FORGOTTEN = 1;

/** A property of a session: the streams on it that a limiter has seen and that have not ended. */
const OPEN = Symbol();

/** The part of an HTTP/2 stream that is used here. */
export interface Http2Stream {
  readonly closed: boolean;
  readonly session?: Session;
  readonly state: { readonly state?: number };
  destroy(): unknown;
  once(event: 'close', listener: () => void): unknown;
}

interface Session {
  [OPEN]?: Set<Http2Stream> | undefined;
  once(event: 'goaway', listener: () => void): unknown;
}

/**
 * Destroys `stream` if its client sends GOAWAY and leaves while the response is being written.
 *
 * Node 20 never ends such a stream: it waits for a write that the closed stream never completes, and the session waits
 * for the stream. Its permit would be held for ever. Other clients get what they would get without this.
 */
export function destroyAfterGoaway(stream: Http2Stream): void {
  const { session } = stream;
  if (session === undefined) return;
  if (session[OPEN] === undefined) {
    const streams = (session[OPEN] = new Set());
    session.once('goaway', function check() {
      for (const each of streams) if (each.closed && each.state.state === FORGOTTEN) each.destroy();
      if (streams.size > 0) setTimeout(check, CHECK_MS).unref();
    });
  }
  const open = session[OPEN].add(stream);
  stream.once('close', () => open.delete(stream));
}
