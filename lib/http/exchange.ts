import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Outcome, Permit } from '../core/limiter.js';
import { endWithConnection } from './connection.js';
import type { Connection } from './connection.js';
import { isPipelined } from './pipeline.js';
import { RequestPermit } from './request-permit.js';

/** Beside the responses: a property of its own on each, once Express has changed its prototype, costs 2 µs a request. */
const exchanges = new WeakMap<ServerResponse, Exchange>();

/**
 * One request and its response: it knows when that is over, and then releases what was taken for it.
 *
 * Over means: the response was sent whole (`finish`), or it never will be (`close`). Some hosts emit only one of the
 * two, some emit one twice; the first counts.
 */
export class Exchange {
  #isOver = false;
  #isGone = false;
  #isRejected = false;
  #gone: AbortController | undefined;
  #permits: RequestPermit[] = [];
  /** How many permits are being waited for: nobody needs them once this is over. */
  #waits = 0;

  /** The exchange of `res`, if a limiter has seen it. */
  static find(res: ServerResponse): Exchange | undefined {
    return exchanges.get(res);
  }

  /** The one exchange of this pair. It listens from now on, and notices what has happened before. */
  static of(req: IncomingMessage, res: ServerResponse): Exchange {
    return exchanges.get(res) ?? new Exchange(req, res);
  }

  private constructor(req: IncomingMessage, res: ServerResponse) {
    exchanges.set(res, this);
    // First in line: an earlier listener that throws cannot keep the permit, and on a pipelined connection the
    // release comes before the next response takes its turn.
    res.prependListener('finish', onFinish);
    res.prependListener('close', onClose);
    if (isPipelined(res)) {
      res.once('socket', () => {
        endWithConnection(req.socket, this);
      });
    } else endWithConnection(streamOf(res) ?? req.socket, this);
    if (wasOver(req, res)) this.end(true);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Aborts when the client has gone before its response was sent. Made on first use. */
  get signal(): AbortSignal {
    if (this.#gone === undefined) {
      this.#gone = new AbortController();
      if (this.#isGone) this.#gone.abort(clientGone());
    }
    return this.#gone.signal;
  }

  /** Puts a permit under this exchange's care. One that comes too late goes back at once. */
  keep(source: object, key: string, permit: Permit): RequestPermit {
    const kept = new RequestPermit(this, source, key, permit);
    this.#permits.push(kept);
    if (this.#isOver) permit.release('ignore');
    return kept;
  }

  /** Keeps the permit that is promised; the wait for it ends when this is over. */
  wait(source: object, key: string, promised: PromiseLike<Permit>): Promise<RequestPermit | 'over'> {
    this.#waits++;
    return Promise.resolve(promised).then(
      (permit) => {
        this.#waits--;
        const kept = this.keep(source, key, permit);
        return this.#isOver ? 'over' : kept;
      },
      (reason: unknown) => {
        this.#waits--;
        throw reason;
      },
    );
  }

  /** The permit taken last, of `source` and `key` where they are given. */
  permit(source?: object, key?: string): RequestPermit | undefined {
    return this.#permits.findLast((permit) => permit.isOf(source, key));
  }

  /** Notes that a limiter has refused it: what other limiters gave it says nothing of how they fare. */
  reject(): void {
    this.#isRejected = true;
  }

  end(gone: boolean, outcome: Outcome = 'ignore'): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#isGone = gone;
    if (gone || this.#waits > 0) this.#gone?.abort(clientGone());
    for (const permit of this.#permits) permit.release(gone || this.#isRejected ? 'ignore' : outcome);
  }
}

function onFinish(this: ServerResponse): void {
  // HTTP/2, and Node 20 while it sends, say finish of a response that the client has reset.
  const gone = streamOf(this)?.aborted === true || this.socket?.destroyed === true;
  Exchange.find(this)?.end(gone, this.statusCode >= 500 ? 'overload' : 'success');
}

function onClose(this: ServerResponse): void {
  Exchange.find(this)?.end(true);
}

/** `req.destroyed` and `req`'s `close` would tell nothing: they come with every body that was read to its end. */
function wasOver(req: IncomingMessage, res: ServerResponse): boolean {
  return (
    res.closed ||
    res.destroyed ||
    res.writableFinished ||
    req.socket.destroyed ||
    streamOf(res)?.destroyed === true
  );
}

/** The HTTP/2 stream behind a response of Node's compatibility API; a host may call something else by that name. */
function streamOf(res: object): Stream | undefined {
  if (!('stream' in res) || typeof res.stream !== 'object' || res.stream === null) return undefined;
  const stream: Stream = res.stream;
  return 'rstCode' in stream ? stream : undefined;
}

interface Stream extends Connection {
  readonly aborted?: boolean;
  readonly destroyed?: boolean;
}

function clientGone(): DOMException {
  return new DOMException('The client has gone', 'AbortError');
}
