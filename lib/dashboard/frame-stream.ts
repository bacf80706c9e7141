import type { IncomingMessage, ServerResponse } from 'node:http';
import { Exchange } from '../http/exchange.js';
import { runInRootContext } from '../internal/root-context.js';
import { warn } from '../internal/warn.js';
import type { Frame, History } from './frame.js';
import { HISTORY_MS, Recorder, STEP_MS } from './recorder.js';

/** Time between two frames, in milliseconds. */
const INTERVAL_MS = 500;

/** Lifetime of a stream, in milliseconds. The page then sends a new request, which is authorized again. */
const RENEW_MS = 5_000;

/** Maximum number of streams open at once. */
const MAX_STREAMS = 100;

/**
 * Sends frames to every viewer, as server-sent events. All viewers share one frame and one timer.
 *
 * Without viewers it goes on recording for 15 minutes, once every 5 seconds, and then stops. It stops earlier if the
 * server is closed.
 */
export class FrameStream {
  readonly #read: () => Frame;
  readonly #viewers = new Set<Viewer>();
  readonly #recorder = new Recorder();
  #timer: NodeJS.Timeout | undefined;
  /** The server of the newest stream. Streams and recording end with it. */
  #server: { readonly listening: boolean } | undefined;
  #watchedAt = 0;
  #recordedAt = 0;

  constructor(read: () => Frame) {
    this.#read = read;
  }

  get history(): History {
    return this.#recorder.history;
  }

  get isFull(): boolean {
    this.#forgetClosed();
    return this.#viewers.size >= MAX_STREAMS;
  }

  /** Answers a request with the stream. Throws what `read` throws for the first frame. */
  open(req: IncomingMessage, res: ServerResponse): void {
    const viewer = { req, res, exchange: Exchange.of(req, res), since: Date.now() };
    if (viewer.exchange.isOver) return;
    const first = messageOf(this.#read());
    // A connection that stays open after the stream would keep a closing server waiting.
    res.shouldKeepAlive = false;
    res.writeHead(200, {
      'Content-Type': 'text/event-stream',
      // Compression would delay frames.
      'Cache-Control': 'no-store, no-transform',
      'X-Accel-Buffering': 'no',
    });
    res.write(first);
    this.#viewers.add(viewer);
    this.#watchedAt = viewer.since;
    this.#server = serverOf(req);
    this.#timer ??= runInRootContext(() => setInterval(this.#tick, INTERVAL_MS).unref());
  }

  readonly #tick = (): void => {
    this.#forgetClosed();
    const isWatched = this.#viewers.size > 0;
    if (!isWatched && this.#server?.listening === false) {
      this.#stop();
      return;
    }
    const now = Date.now();
    if (isWatched) this.#watchedAt = now;
    if (now - this.#watchedAt > HISTORY_MS) {
      this.#stop();
    } else if (isWatched || now - this.#recordedAt >= STEP_MS) {
      this.#recordedAt = now;
      // Before the frame: right after a large one, each viewer would look slow.
      this.#endStreams(now);
      this.#forgetClosed();
      this.#sendFrame();
    }
  };

  #forgetClosed(): void {
    for (const viewer of this.#viewers) if (isOver(viewer)) this.#viewers.delete(viewer);
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #endStreams(now: number): void {
    const isStopping = this.#server?.listening === false;
    for (const { res, since } of this.#viewers) {
      if (isStopping) res.end();
      else if (now - since >= RENEW_MS) renew(res);
    }
  }

  #sendFrame(): void {
    try {
      const frame = this.#read();
      this.#recorder.add(frame);
      if (this.#viewers.size === 0) return;
      const message = messageOf(frame);
      for (const { res } of this.#viewers) {
        // A viewer that reads too slowly misses frames. Nothing is buffered for it.
        if (!res.writableNeedDrain) res.write(message);
      }
    } catch (error) {
      if (this.#viewers.size > 0) {
        warn('WARN_SEMAPHORE_DASHBOARD_FAILED', 'the dashboard could not be read', error);
      }
      for (const { res } of this.#viewers) res.end();
    }
  }
}

interface Viewer {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly exchange: Exchange;
  /** Time at which the stream was opened, in milliseconds since the epoch. */
  readonly since: number;
}

/** Ends a stream with the event that makes the page send a new request. A viewer that reads too slowly is disconnected. */
function renew(res: ServerResponse): void {
  if (res.writableNeedDrain) res.destroy();
  else res.end('event: renew\ndata: {}\n\n');
}

function messageOf(frame: Frame): string {
  return `data: ${JSON.stringify(frame)}\n\n`;
}

/** A pipelined response may get no event when its connection closes, so the socket is checked, too. */
function isOver({ req, res, exchange }: Viewer): boolean {
  return exchange.isOver || res.writableEnded || req.socket.destroyed;
}

/** The server of a connection. Node sets it. Without it a stream does not notice that its server closes. */
function serverOf({ socket }: IncomingMessage): { readonly listening: boolean } | undefined {
  const server: unknown = Reflect.get(socket, 'server');
  const isServer = typeof server === 'object' && server !== null && 'listening' in server;
  return isServer ? (server as { listening: boolean }) : undefined;
}
