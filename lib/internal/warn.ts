import { types } from 'node:util';
import { describe } from './validate.js';

/** Codes of warnings about an error that no caller is there to handle; they never change. */
export type FaultCode =
  | 'WARN_SEMAPHORE_ALGORITHM_FAILED'
  | 'WARN_SEMAPHORE_CLOSE_FAILED'
  | 'WARN_SEMAPHORE_DASHBOARD_FAILED'
  | 'WARN_SEMAPHORE_DRY_RUN'
  | 'WARN_SEMAPHORE_NEXT_FAILED'
  | 'WARN_SEMAPHORE_RELEASE_FAILED'
  | 'WARN_SEMAPHORE_SERVER_FAILED'
  | 'WARN_SEMAPHORE_UPGRADE_FAILED';

/** Codes of warnings about what is legal and yet most likely a mistake; they never change. */
export type HazardCode =
  | 'WARN_SEMAPHORE_ADDRESS_KEY'
  | 'WARN_SEMAPHORE_CHAIN_ORDER'
  | 'WARN_SEMAPHORE_EVICTION'
  | 'WARN_SEMAPHORE_HELD_LONG'
  | 'WARN_SEMAPHORE_MADE_PER_REQUEST'
  | 'WARN_SEMAPHORE_NO_PERMITS'
  | 'WARN_SEMAPHORE_POLLING'
  | 'WARN_SEMAPHORE_UNBOUNDED_QUEUE'
  | 'WARN_SEMAPHORE_UNKNOWN_OPTION';

/** Messages told so far. It is bounded: names of unknown options may come from clients. */
const told = new Set<string>();
const MAX_TOLD = 1_000;

/**
 * Emits a process warning about an error that no caller is there to handle. Never throws, whatever the error is.
 *
 * It passes text rather than the error: Node takes an error for a warning only if it was made in its own realm.
 */
export function warn(code: FaultCode, what: string, error: unknown): void {
  const isError = types.isNativeError(error);
  emit(code, `${what}: ${isError ? error.message : describe(error)}`, isError ? error.stack : undefined);
}

/** Objects with a failure that was told. */
const failed = new WeakSet<object>();

/** As `warn`, for the first failure of `source` only: under load each request may have one. */
export function warnFirst(source: object, code: FaultCode, what: string, error: unknown): void {
  if (failed.has(source)) return;
  failed.add(source);
  warn(code, what, error);
}

/**
 * Emits a process warning about a likely mistake, once for each `id`, with the stack of the caller or `stack`.
 *
 * By default only the first warning of a code is emitted.
 */
export function warnOnce(code: HazardCode, what: string, stack?: string, id: string = code): void {
  if (told.has(id) || told.size >= MAX_TOLD) return;
  told.add(id);
  const message = `${what}; see express-semaphore/docs/guide/warnings.md#${code.toLowerCase()}`;
  emit(code, message, stack ?? new Error().stack);
}

/** Warns of an option that `what` does not have, once for each option. */
export function warnOfUnknownOption(what: string, option: string): void {
  // Callers often give it to `limit`.
  const hint = option === 'queueLimit' ? ': it belongs to the Semaphore' : '';
  const message = `${what} has no option ${describe(option)}${hint}`;
  warnOnce('WARN_SEMAPHORE_UNKNOWN_OPTION', message, undefined, message);
}

function emit(code: FaultCode | HazardCode, message: string, detail: string | undefined): void {
  process.emitWarning(message, {
    type: 'SemaphoreWarning',
    code,
    ...(detail !== undefined && { detail }),
  });
}
