import { types } from 'node:util';
import { describe } from './validate.js';

/** Codes of warnings about an error that no caller is there to handle; they never change. */
export type FaultCode =
  | 'WARN_SEMAPHORE_ALGORITHM_FAILED'
  | 'WARN_SEMAPHORE_CLOSE_FAILED'
  | 'WARN_SEMAPHORE_DASHBOARD_FAILED'
  | 'WARN_SEMAPHORE_DRY_RUN';

/** Codes of warnings about what is legal and yet most likely a mistake; they never change. */
export type HazardCode =
  | 'WARN_SEMAPHORE_ADDRESS_KEY'
  | 'WARN_SEMAPHORE_HELD_LONG'
  | 'WARN_SEMAPHORE_MADE_PER_REQUEST'
  | 'WARN_SEMAPHORE_UNBOUNDED_QUEUE'
  | 'WARN_SEMAPHORE_UNKNOWN_OPTION';

const told = new Set<HazardCode>();

/**
 * Emits a process warning about an error that no caller is there to handle. Never throws, whatever the error is.
 *
 * It hands over text rather than the error: Node takes an error for a warning only if it was made in its own realm.
 */
export function warn(code: FaultCode, what: string, error: unknown): void {
  const isError = types.isNativeError(error);
  emit(code, `${what}: ${isError ? error.message : describe(error)}`, isError ? error.stack : undefined);
}

/** Emits a process warning about a likely mistake: the first of its code only. */
export function warnOnce(code: HazardCode, what: string, detail?: string): void {
  if (told.has(code)) return;
  told.add(code);
  emit(code, `${what}; see express-semaphore/docs/guide/warnings.md#${code.toLowerCase()}`, detail);
}

/** Warns of the options in `rest`: those that `what` does not know. */
export function warnOfUnknown(what: string, rest: object): void {
  for (const name in rest) {
    warnOnce('WARN_SEMAPHORE_UNKNOWN_OPTION', `${what} has no option ${describe(name)}`, new Error().stack);
  }
}

/** The same where `known` lists those that `what` knows: it copies nothing, so it can be asked for every permit. */
export function warnUnlessKnown(what: string, options: object, known: ReadonlySet<string>): void {
  for (const name in options) {
    if (!known.has(name) && Object.hasOwn(options, name)) warnOfUnknown(what, { [name]: undefined });
  }
}

function emit(code: FaultCode | HazardCode, message: string, detail: string | undefined): void {
  process.emitWarning(message, {
    type: 'SemaphoreWarning',
    code,
    ...(detail !== undefined && { detail }),
  });
}
