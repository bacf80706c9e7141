import { runInRootContext } from '../internal/root-context.js';

/** Time between two looks at the streams of a client that has sent GOAWAY, in milliseconds. */
const CHECK_MS = 1_000;

/** The state of a stream that the HTTP/2 library has closed and forgotten: `NGHTTP2_STREAM_STATE_IDLE`. */
const FORGOTTEN = 1;

/** A property of a session: the streams on it that a limiter has seen and that have not ended. */
const OPEN = Symbol.for('express-semaphore.open-streams');

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
  const open = (session[OPEN] ??= watch(session));
  open.add(stream);
  stream.once('close', () => open.delete(stream));
}

function watch(session: Session): Set<Http2Stream> {
  const open = new Set<Http2Stream>();
  session.once('goaway', () => {
    const timer = runInRootContext(() => setInterval(check, CHECK_MS));
    timer.unref();

    function check(): void {
      for (const stream of open) if (stream.closed && stream.state.state === FORGOTTEN) stream.destroy();
      if (open.size === 0) clearInterval(timer);
    }
  });
  return open;
}
