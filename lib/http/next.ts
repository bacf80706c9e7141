import { isPromiseLike } from '../core/permit.js';
import { describe } from '../internal/validate.js';

/**
 * Passes the request on, or with an error to the host's error handler.
 *
 * @example
 * ```ts
 * import { limit, Semaphore } from 'express-semaphore';
 * import type { Next } from 'express-semaphore';
 *
 * const next: Next = (error) => console.log(error ?? 'goes on');
 * limit(new Semaphore(10), {
 *   // leaves it to the host's error handler
 *   handler: (_req, _res, next, rejection) => next(rejection),
 * });
 * next();
 * ```
 */
export type Next = (error?: unknown) => void;

/** Passes on what was thrown, as an error even where a host would read it as "go on" (`undefined`) or as `'route'`. */
export function passError(next: Next, thrown: unknown): void {
  const isError = typeof thrown === 'object' && thrown !== null;
  next(isError ? thrown : new Error(`${describe(thrown)} was thrown`, { cause: thrown }));
}

/** Passes on what `work` rejects with, if it is a promise. */
export function passRejection(next: Next, work: unknown): void {
  if (!isPromiseLike(work)) return;
  Promise.resolve(work).catch((reason: unknown) => {
    passError(next, reason);
  });
}
