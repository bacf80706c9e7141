import { AsyncResource } from 'node:async_hooks';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { warn } from '../internal/warn.js';
import { Exchange } from '../http/exchange.js';
import type { Frame } from './frame.js';

/** Time from one frame to the next, in milliseconds. */
const INTERVAL_MS = 500;

/**
 * Sends frames to whoever watches, as server-sent events. All share one frame and one timer; while nobody watches there
 * is neither. A stream ends by itself when its server has been told to close: otherwise that would wait for it for ever.
 */
export class FrameStream {
  readonly #read: () => Frame;
  readonly #viewers = new Set<Viewer>();
  /** The timer is armed by the first viewer's request; here it lets go of that one's async context. */
  readonly #context = new AsyncResource('FrameStream', { requireManualDestroy: true });
  #timer: NodeJS.Timeout | undefined;

  constructor(read: () => Frame) {
    this.#read = read;
  }

  /** Answers a request with the stream. What `read` throws for the first frame is thrown here. */
  open(req: IncomingMessage, res: ServerResponse): void {
    const viewer = { req, res, exchange: Exchange.of(req, res) };
    if (viewer.exchange.isOver) return;
    const first = encode(this.#read());
    // The connection has no use after the stream, and must not keep a server that closes.
    res.shouldKeepAlive = false;
    res.writeHead(200, {
      'Content-Type': 'text/event-stream',
      // Compression would hold frames back.
      'Cache-Control': 'no-store, no-transform',
      'X-Accel-Buffering': 'no',
    });
    res.write(first);
    this.#viewers.add(viewer);
    this.#timer ??= this.#context.runInAsyncScope(() => setInterval(this.#tick, INTERVAL_MS).unref());
  }

  readonly #tick = (): void => {
    for (const viewer of this.#viewers) {
      if (isStopping(viewer)) viewer.res.end();
      if (isOver(viewer)) this.#viewers.delete(viewer);
    }
    if (this.#viewers.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      return;
    }
    try {
      const message = encode(this.#read());
      for (const { res } of this.#viewers) {
        // Who reads more slowly than this misses frames: nothing piles up.
        if (!res.writableNeedDrain) res.write(message);
      }
    } catch (error) {
      warn('WARN_SEMAPHORE_DASHBOARD_FAILED', 'the dashboard could not be read', error);
      for (const { res } of this.#viewers) res.end();
    }
  };
}

interface Viewer {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly exchange: Exchange;
}

function encode(frame: Frame): string {
  return `data: ${JSON.stringify(frame)}\n\n`;
}

/** A response behind others of its connection may never be told that this was closed; the connection is asked, too. */
function isOver({ req, res, exchange }: Viewer): boolean {
  return exchange.isOver || res.writableEnded || req.socket.destroyed;
}

/** Node lets a connection know its server; a host that does not is asked nothing. */
function isStopping({ req: { socket } }: Viewer): boolean {
  if (!('server' in socket) || typeof socket.server !== 'object' || socket.server === null) return false;
  return 'listening' in socket.server && socket.server.listening === false;
}
