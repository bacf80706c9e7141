import { types } from 'node:util';
import { describe } from './validate.js';

/** Codes by which a process warning of this package can be told apart; they never change. */
export type WarningCode =
  'WARN_SEMAPHORE_CLOSE_FAILED' | 'WARN_SEMAPHORE_DASHBOARD_FAILED' | 'WARN_SEMAPHORE_DRY_RUN';

/**
 * Emits a process warning about an error that no caller is there to handle. Never throws, whatever the error is.
 *
 * It hands over text rather than the error: Node takes an error for a warning only if it was made in its own realm.
 */
export function warn(code: WarningCode, what: string, error: unknown): void {
  const isError = types.isNativeError(error);
  process.emitWarning(`${what}: ${isError ? error.message : describe(error)}`, {
    type: 'SemaphoreWarning',
    code,
    ...(isError && error.stack !== undefined && { detail: error.stack }),
  });
}
