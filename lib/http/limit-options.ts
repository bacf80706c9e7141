import type { IncomingMessage, ServerResponse } from 'node:http';
import type { SemaphoreError } from '../errors.js';
import type { RequestAcquireOptions } from './ask.js';
import type { Next } from './next.js';

/** The shape of middleware that Express, Connect and everything like them take. */
export type Middleware<Req = IncomingMessage, Res = ServerResponse> = (
  req: Req,
  res: Res,
  next: Next,
) => void;

/** What `limit` can be told. */
export interface LimitOptions<
  Req = IncomingMessage,
  Res = ServerResponse,
> extends RequestAcquireOptions<Req> {
  /** Longest wait for a permit, in milliseconds; 0 means: do not queue. @defaultValue `1_000` */
  readonly maxWaitMs?: number | undefined;

  /** Status of a refusal. @defaultValue `503`; `429` with a `KeyedSemaphore` */
  readonly statusCode?: number | undefined;

  /**
   * Answers a refused request in place of the built-in answer, which logs nothing. `rejection` has `code`, `status`,
   * `headers` and `retryAfterMs`; `next(rejection)` leaves it to the host's error handler. Express's own one logs a
   * stack for each unless its `env` is `test`, so under overload put one before it that does not.
   */
  readonly onRejected?: ((req: Req, res: Res, next: Next, rejection: SemaphoreError) => unknown) | undefined;

  /** Lets a request pass unlimited when it returns `true`. */
  readonly skip?: ((req: Req) => boolean) | undefined;

  /** Whether `Retry-After` is spread at random, so that those refused together do not come back together. @defaultValue `true` */
  readonly retryJitter?: boolean | undefined;

  /**
   * Refuses and delays nobody, but keeps the limiter's books as if it did: see its `stats()`. What would have been an
   * error is a process warning. One request must not meet the same limiter both ways: it would wait for itself.
   * @defaultValue `false`
   */
  readonly dryRun?: boolean | undefined;
}

/** What `limit` can be told of a `KeyedSemaphore`. */
export interface KeyedLimitOptions<Req = IncomingMessage, Res = ServerResponse> extends LimitOptions<
  Req,
  Res
> {
  /** Names the user behind a request. Anything but a string is an error: a missing key never passes unlimited. */
  readonly key: (req: Req) => string | undefined | PromiseLike<string | undefined>;
}
