import type { IncomingMessage, ServerResponse } from 'node:http';
import type { SemaphoreError } from '../errors.js';
import { checkAcquireOptions } from '../core/acquire-options.js';
import type { AcquireRequest } from '../core/decide.js';
import type { KeyedLimiter } from '../keyed/key-limiter.js';

declare global {
  // The types of Express declare it, too, and merge with this one. So do the types that `passport` or an app adds.
  // eslint-disable-next-line @typescript-eslint/no-namespace -- only a namespace merges with theirs
  namespace Express {
    // eslint-disable-next-line @typescript-eslint/no-empty-object-type -- others add to it
    interface Request {}
  }
}

/* eslint-disable @typescript-eslint/no-explicit-any -- only the host knows the types of what it adds */
type Added<Names extends string> = Readonly<Partial<Record<Names, any>>>;

/**
 * A request whose type TypeScript cannot infer, as after a path. It has what an app adds to `Express.Request`, with its
 * type, and what hosts usually add. A host that adds nothing leaves that `undefined`. It has no `params`, `query` or
 * `body`: Express would infer those of the next handlers from it.
 */
export interface HostRequest
  extends
    IncomingMessage,
    Express.Request,
    Added<Exclude<'path' | 'originalUrl' | 'get' | 'user' | 'session', keyof Express.Request>> {
  readonly ip?: string | undefined;
}

/** What middleware takes beside `Req`: each request, if its options read no more than a `HostRequest` has. */
export type PlainRequest<Req> = HostRequest extends Req ? IncomingMessage : never;

/** A response whose type TypeScript cannot infer. */
export interface HostResponse extends ServerResponse {
  readonly status?: any;
  readonly set?: any;
  readonly send?: any;
  readonly json?: any;
}

/** The request of a handler whose type TypeScript cannot infer. A handler also reads what a host has parsed. */
export interface HandlerRequest
  extends
    HostRequest,
    Added<
      Exclude<
        'params' | 'query' | 'body' | 'cookies' | 'hostname' | 'protocol' | 'accepts',
        keyof Express.Request
      >
    > {}

/** The response of a handler whose type TypeScript cannot infer. */
export interface HandlerResponse
  extends
    HostResponse,
    Added<'sendStatus' | 'redirect' | 'render' | 'locals' | 'sendFile' | 'download' | 'attachment'>,
    Added<'type' | 'cookie' | 'clearCookie' | 'vary' | 'format' | 'append' | 'jsonp'> {}
/* eslint-enable @typescript-eslint/no-explicit-any */

/** Passes the request on, or passes an error to the host's error handler. */
export type Next = (error?: unknown) => void;

/** Middleware as Express, Connect and similar hosts take it. */
export type Middleware<Req = IncomingMessage, Res = ServerResponse> = (
  req: Req,
  res: Res,
  next: Next,
) => void;

/** The options of one acquire, either the same for all requests or computed from each request. */
export interface RequestAcquireOptions<Req> {
  /** Permits that a request acquires. @defaultValue `1` */
  readonly weight?: number | ((req: Req) => number) | undefined;

  /** Level from -100 to 100, an integer. The order `'priority'` serves the higher first. @defaultValue `0` */
  readonly priority?: number | ((req: Req) => number) | undefined;

  /** The flow of a request under the order `'fair'`: its user, its tenant. @defaultValue `''` */
  readonly flow?: string | ((req: Req) => string) | undefined;
}

/** Options of `limit` and `limitHandler`. */
export interface LimitOptions<
  Req = IncomingMessage,
  Res = ServerResponse,
> extends RequestAcquireOptions<Req> {
  /** Maximum wait for a permit, in milliseconds. 0 never queues a request. @defaultValue `1_000` */
  readonly maxWaitMs?: number | undefined;

  /**
   * Maximum time from when `limit` first sees a request to its end, in milliseconds. The request waits only as long as
   * leaves time for its work, and at most `maxWaitMs`. Its work counts with the 90th percentile of recent requests, plus
   * the lag of the event loop. A request whose deadline has passed is rejected with a `WaitTooLongError`.
   * @defaultValue `Infinity`
   */
  readonly deadlineMs?: number | undefined;

  /**
   * Maximum time that the permit is held, in milliseconds, if it is shorter than the limiter's own. Then the permit's
   * `signal` aborts with a `HoldTimeoutError`. The request is answered with 503, or its response is destroyed. `limit`
   * then releases the permit, even if the handler works on. `limitHandler` counts the handler until its promise settles.
   * @defaultValue the limiter's own
   */
  readonly maxHoldMs?: number | undefined;

  /** Status of a rejection. @defaultValue the rejection's own: 429 for the limit of one key, else 503 */
  readonly statusCode?: number | undefined;

  /**
   * Answers a rejected request in place of the built-in answer, which logs nothing.
   *
   * `next(rejection)` passes it to the host's error handler, with the status and the headers of the built-in answer. The
   * one of Express logs a stack for each error unless its `env` is `test`. If `next(rejection)` throws before anything
   * was sent, the built-in answer is sent.
   */
  readonly onRejected?: ((req: Req, res: Res, next: Next, rejection: SemaphoreError) => unknown) | undefined;

  /** Lets a request pass unlimited when it returns `true`. */
  readonly skip?: ((req: Req) => boolean) | undefined;

  /**
   * Decides from the response whether the limited work was overloaded, for a limit that adapts. It is not called when
   * the client left. @defaultValue status 503 or 504, or a response that the server destroyed with an error
   */
  readonly isOverload?: ((res: Res) => boolean) | undefined;

  /** `detail` of the built-in answer, a text for people. @defaultValue the message of the rejection */
  readonly message?: string | undefined;

  /**
   * Whether answers have the headers `RateLimit-Policy` and `RateLimit` of draft-ietf-httpapi-ratelimit-headers, with the unit
   * `concurrent-requests`. They tell each client the limit and how many permits are free. @defaultValue `false`
   */
  readonly rateLimitHeaders?: boolean | undefined;

  /** Whether `Retry-After` gets random jitter, so that clients rejected together retry apart. @defaultValue `true` */
  readonly retryJitter?: boolean | undefined;

  /**
   * Counts in the limiter's `stats()` what would happen, but neither rejects nor delays a request. Clients and handlers
   * see no difference. An error, such as a bad key, becomes a process warning, once for each dry run. `maxHoldMs` has no
   * effect in a dry run.
   * @defaultValue `false`
   */
  readonly dryRun?: boolean | undefined;
}

/** Options of `limit` and `limitHandler` with a `KeyedSemaphore`. */
export interface KeyedLimitOptions<Req = IncomingMessage, Res = ServerResponse> extends LimitOptions<
  Req,
  Res
> {
  /** The key of a request, such as its user. Any result but a string is an error: no request without a key passes. */
  readonly key: (req: Req) => string | undefined | PromiseLike<string | undefined>;
}

/** The parameters after the limiter `One`: its options. With keys they are required, because `key` is. */
export type OptionsFor<One, Req, Res> = One extends KeyedLimiter
  ? [options: KeyedLimitOptions<Req, Res>]
  : [options?: LimitOptions<Req, Res> | undefined];

/** Returns the acquire request of a request. Fixed values are checked now, computed values for each request. */
export function readAcquireOptions<Req>(options: RequestAcquireOptions<Req>): (req: Req) => AcquireRequest {
  const { weight = 1, priority = 0, flow = '' } = options;
  if (isFixed(weight) && isFixed(priority) && isFixed(flow)) {
    checkAcquireOptions(weight, priority, flow);
    const fixed = { weight, priority, flow };
    return () => fixed;
  }
  return (req) => {
    const request = {
      weight: valueFor(weight, req, 1),
      priority: valueFor(priority, req, 0),
      flow: valueFor(flow, req, ''),
    };
    checkAcquireOptions(request.weight, request.priority, request.flow, 'what ', ' returns');
    return request;
  };
}

function isFixed<Value>(option: Value | ((req: never) => Value)): option is Value {
  return typeof option !== 'function';
}

function valueFor<Req, Value>(option: Value | ((req: Req) => Value), req: Req, defaultValue: Value): Value {
  const value: Value | undefined = isFixed(option) ? option : option(req);
  return value === undefined ? defaultValue : value;
}
