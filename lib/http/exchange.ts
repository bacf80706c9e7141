import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { Leave } from '../core/leave.js';
import type { Limiter, Permit } from '../core/limiter.js';
import { requireObject } from '../internal/validate.js';
import type { KeyedLimiter } from '../keyed/key-limiter.js';
import { hasFailed, isEqual, isSame } from './permit-claim.js';
import type { PermitClaim, WaitTerms } from './permit-claim.js';
import { freshTurn } from './fresh-turn.js';
import { destroyAfterGoaway } from './goaway.js';
import type { Http2Stream } from './goaway.js';
import { hostResponseOf, isPipelined, onTurn } from './pipeline.js';
import { RequestPermit } from './request-permit.js';

/**
 * The exchanges of all copies of this package in the process.
 *
 * A map beside the responses: once Express has changed a response's prototype, a property of its own costs 2 µs. An
 * exchange must not refer to its request or response, or each of them outlives the young generation of the heap.
 */
const exchanges = sharedMap();

/**
 * One request and its response. It notices when the exchange is over, and then releases the permits of the request.
 *
 * The exchange is over when the response was sent completely (`finish`) or never will be (`close`). Some hosts emit only
 * one of the two events, and some emit one of them twice. The first event counts.
 */
export class Exchange {
  /** Whether the host sends no response for the request. Then each response that it gets is an exchange of its own. */
  isAlone = false;
  #isOver = false;
  #isGone = false;
  #isRejected = false;
  #gone: AbortController | undefined;
  /** The newest permit, from which the older ones are linked: most requests have one. */
  #newest: RequestPermit | undefined;
  #waits: Wait[] | undefined;

  /** The exchange of `res`, if a limiter has seen it. A host may make a second response for a request after the first. */
  static find(res: ServerResponse): Exchange | undefined {
    const exchange = exchanges.get(identityOf(res));
    if (exchange?.isAlone === true) {
      const marks = (res as Partial<ServerResponse>).listeners?.(CURRENT) as (() => Exchange)[] | undefined;
      // A mock may have no listeners.
      return marks === undefined ? exchange : marks[0]?.();
    }
    const isUnsent = (res as Partial<ServerResponse>).writableEnded === false;
    return exchange?.isSent === true && isUnsent ? undefined : exchange;
  }

  /** The one exchange of this pair. A new one listens from now on, and also notices what has happened before. */
  static of(req: IncomingMessage, res: ServerResponse): Exchange {
    return Exchange.find(res) ?? new Exchange().#listen(req, res);
  }

  /** The exchange of an upgraded socket. It ends when the socket closes; until then the client is served. */
  static ofSocket(socket: Duplex): Exchange {
    const exchange = new Exchange();
    exchanges.set(socket, exchange);
    const end = (): void => {
      exchange.end('gone');
    };
    socket.prependListener('close', end);
    if (socket.destroyed) end();
    return exchange;
  }

  #listen(req: IncomingMessage, res: ServerResponse): this {
    exchanges.set(identityOf(res), this);
    this.#watch(req, res);
    if (isPipelined(req, res)) {
      onTurn(res, () => {
        endWithConnection(req.socket, this);
      });
    } else {
      const stream = streamOf(req, res);
      const host = stream ? res : hostResponseOf(req);
      this.isAlone = !host;
      if (!host) res.on(CURRENT, () => this);
      // A wrapper may emit nothing itself, and a response that is never sent does not.
      else if (host !== res) this.#watch(req, host);
      endWithConnection(stream ?? req.socket, this);
    }
    if (isFinished(req, res)) this.end('gone');
    return this;
  }

  /**
   * Listens for the end of `res`. The listeners are bound, because a host may pass on a wrapper.
   *
   * They come first: an earlier listener that throws cannot keep the permit, and on a pipelined connection the release
   * precedes the turn of the next response.
   */
  #watch(req: IncomingMessage, res: ServerResponse): void {
    res.prependListener('finish', () => {
      this.#finish(req, res);
    });
    res.prependListener('close', () => {
      this.#close(req, res);
    });
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get isSent(): boolean {
    return this.#isOver && !this.#isGone;
  }

  /** Aborts when the client leaves before its response was sent. Made on first use. */
  get signal(): AbortSignal {
    if (this.#gone === undefined) {
      this.#gone = new AbortController();
      if (this.#isGone) this.#gone.abort(clientGone());
    }
    return this.#gone.signal;
  }

  /** Adds a permit that is released when the exchange is over. One that comes too late is released at once. */
  keep(permit: Permit, claim: PermitClaim): RequestPermit {
    const kept = new RequestPermit(this, permit, claim, this.#newest);
    this.#newest = kept;
    if (this.#isOver) kept.end(undefined);
    return kept;
  }

  /**
   * Whether the request waits for a permit of the same limiter and key. A real claim ends the wait of a dry run with other
   * terms: a dry run must not change how long, or for how many permits, the request waits.
   */
  isWaiting(claim: PermitClaim, terms: WaitTerms): boolean {
    const wait = this.#waits?.find((other) => isSame(other.claim, claim));
    if (wait === undefined) return false;
    if (claim.isDryRun || !wait.claim.isDryRun || isEqual(wait.terms, terms)) return true;
    this.#remove(wait);
    wait.leave.abort(clientGone());
    return false;
  }

  /**
   * Waits for a permit, or shares a wait for the same limiter and key. `acquire` is called with what ends the
   * wait when it has lost its purpose.
   */
  wait(
    claim: PermitClaim,
    terms: WaitTerms,
    acquire: (leave: Leave) => PromiseLike<Permit>,
  ): Promise<RequestPermit | 'over'> {
    const shared = this.#waits?.find((wait) => isSame(wait.claim, claim));
    if (shared !== undefined) {
      if (!claim.isDryRun) shared.claim = claim;
      return shared.promise;
    }
    const wait: Wait = { claim, terms, leave: new Leave(), promise: NEVER };
    (this.#waits ??= []).push(wait);
    wait.promise = this.#settle(wait, acquire);
    return wait.promise;
  }

  async #settle(wait: Wait, acquire: (leave: Leave) => PromiseLike<Permit>): Promise<RequestPermit | 'over'> {
    try {
      const permit = await acquire(wait.leave);
      const kept = this.keep(permit, wait.claim);
      await freshTurn();
      if (!wait.leave.aborted) return kept;
      kept.end(undefined);
      return 'over';
    } catch (error) {
      if (wait.leave.aborted) return 'over';
      throw error;
    } finally {
      this.#remove(wait);
    }
  }

  #remove(wait: Wait): void {
    this.#waits = this.#waits?.filter((other) => other !== wait);
  }

  /**
   * The permit that this request holds for the same limiter and key, if any. A real claim makes a dry run's permit real,
   * or releases one of another weight.
   */
  claim(claim: PermitClaim, weight: number): RequestPermit | undefined {
    for (let permit = this.#newest; permit !== undefined; permit = permit.older) {
      if (permit.isReleased || !isSame(permit.claim, claim)) continue;
      if (!claim.isDryRun) {
        if (permit.claim.isDryRun && permit.weight !== weight) {
          permit.end(undefined);
          continue;
        }
        permit.claim = claim;
      }
      return permit;
    }
    return undefined;
  }

  /** The permit acquired last, or the last one of `source`. A handler does not see the permits of a dry run. */
  permit(source?: object): Permit | undefined {
    for (let permit = this.#newest; permit !== undefined; permit = permit.older) {
      const { claim } = permit;
      if (!claim.isDryRun && (source === undefined || claim.source === source)) return permit;
    }
    return undefined;
  }

  /** Notes that a limiter has rejected the request: its response says nothing of the other limiters' load. */
  reject(): void {
    this.#isRejected = true;
  }

  /**
   * Ends the exchange: the response was `sent`, or the server destroyed it with an error (`failed`), or the client has
   * `gone`. Permits are released with the outcome that `res` shows, if any.
   */
  end(how: 'sent' | 'failed' | 'gone', res?: ServerResponse): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#isGone = how !== 'sent';
    for (const { leave } of this.#waits ?? []) leave.abort(clientGone());
    if (this.#isGone) this.#gone?.abort(clientGone());
    const judged = this.#isRejected ? undefined : res;
    for (let permit = this.#newest; permit !== undefined; permit = permit.older) permit.end(judged);
  }

  #finish(req: IncomingMessage, res: ServerResponse): void {
    // HTTP/2, and Node 20 while it sends, emit `finish` for a response that the client has reset.
    if (streamOf(req, res)?.aborted === true || res.socket?.destroyed === true) this.end('gone');
    else this.end('sent', res);
  }

  #close(req: IncomingMessage, res: ServerResponse): void {
    // A client that leaves sets no error. One that breaks off its upload may, by way of a pipe from the request.
    if (hasFailed(res) && req.complete) this.end('failed', res);
    else this.end('gone');
  }
}

/** A wait for a permit, shared by a dry run and a real limit of one request. */
interface Wait {
  claim: PermitClaim;
  readonly terms: WaitTerms;
  readonly leave: Leave;
  promise: Promise<RequestPermit | 'over'>;
}

const NEVER = new Promise<never>(() => undefined);

/**
 * The permit that `limit` acquired for this response: the last one, or the last one of `limiter`.
 * `undefined` when there is none, because the request was skipped, is not limited, or passed a dry run.
 *
 * @param res - The response of the request.
 * @param limiter - Whose permit is returned, if the request has several.
 *
 * @throws `TypeError` when `res` is not an object.
 *
 * @example
 * ```ts
 * import express from 'express';
 * import { limit, permitOf, Semaphore } from 'express-semaphore';
 *
 * const app = express();
 * app.post('/export', limit(new Semaphore(1)), (_req, res) => {
 *   permitOf(res)?.hold(writeExport().catch(console.error)); // counts until the export is written
 *   res.status(202).end();
 * });
 *
 * async function writeExport() {}
 * ```
 */
export function permitOf(res: ServerResponse, limiter?: Limiter | KeyedLimiter): Permit | undefined {
  requireObject('res', res);
  return Exchange.find(res)?.permit(limiter);
}

/** Whether the exchange of `res` is over, also if no limiter has seen it. */
export function isOver(req: IncomingMessage, res: ServerResponse): boolean {
  return Exchange.find(res)?.isOver ?? isFinished(req, res);
}

/**
 * Whether the response was sent or can no longer be sent. `req.destroyed` and the `close` event of `req` prove nothing:
 * both come with every body that was read to its end.
 */
function isFinished(req: IncomingMessage, res: ServerResponse): boolean {
  // Mocked requests may have no socket.
  const { socket } = req as Partial<IncomingMessage>;
  return (
    res.closed ||
    res.destroyed ||
    res.writableFinished ||
    socket?.destroyed === true ||
    streamOf(req, res)?.destroyed === true
  );
}

/** The HTTP/2 stream of a response of Node's compatibility API. A host may give this name to something else. */
function streamOf({ httpVersionMajor }: IncomingMessage, res: object): Stream | undefined {
  // First, because a look for a property that a response of Express does not have is slow.
  if (httpVersionMajor !== 2) return undefined;
  if (!('stream' in res) || typeof res.stream !== 'object' || res.stream === null) return undefined;
  const stream: Stream = res.stream;
  return 'rstCode' in stream ? stream : undefined;
}

interface Stream extends Connection {
  readonly aborted?: boolean;
  readonly destroyed?: boolean;
}

/**
 * A property of the connection. It is set once and serves all requests of the connection. It is also the event of a
 * response without a host whose only listener returns the exchange, for all wrappers of the response.
 */
const CURRENT = Symbol.for('express-semaphore.current-exchange');

/** The carrier of a response: the socket of HTTP/1.1, the stream of HTTP/2, or a host's replacement without events. */
interface Connection {
  on?(event: 'close', listener: (this: Connection) => void): unknown;
  [CURRENT]?: Exchange;
}

/**
 * Ends `exchange` when its connection closes, even if a middleware removed all listeners of the response. A connection
 * has one listener for all its requests, which ends the current one.
 */
function endWithConnection(connection: Connection | null | undefined, exchange: Exchange): void {
  if (connection === null || connection === undefined) return;
  try {
    if (connection[CURRENT] === undefined) {
      connection.on?.('close', endCurrent);
      if ('rstCode' in connection) destroyAfterGoaway(connection as unknown as Http2Stream);
    }
    connection[CURRENT] = exchange;
  } catch {
    // The replacement is frozen. The events of the response have to do.
  }
}

function endCurrent(this: Connection): void {
  this[CURRENT]?.end('gone');
}

function clientGone(): DOMException {
  return new DOMException('The client has gone', 'AbortError');
}

/** The object that all wrappers of one response share: its request. A response without one is its own identity. */
function identityOf(res: ServerResponse): object {
  const req: unknown = res.req;
  return typeof req === 'object' && req !== null ? req : res;
}

function sharedMap(): WeakMap<object, Exchange> {
  const name = Symbol.for('express-semaphore.exchanges');
  const map = (Reflect.get(globalThis, name) as typeof exchanges | undefined) ?? new WeakMap();
  // Where the global object is frozen this has no effect, and each copy of the package works by itself.
  Reflect.defineProperty(globalThis, name, { value: map });
  return map;
}
