/** Longest estimate that a client is told, in seconds, before the jitter. */
const MAX_RETRY_SECONDS = 30;

/**
 * `Retry-After` in whole seconds, from 1 to 60: the estimate `ms`, or 1 second where nothing is known.
 *
 * `spread`, from 0 to 1, adds jitter up to the estimate itself. Clients that are rejected together then retry apart.
 */
export function retryAfterSeconds(ms: number | undefined, spread = 0): number {
  // A caller may have constructed the error with anything, and a bad header would end the answer.
  const estimate = typeof ms === 'number' ? Math.ceil(ms / 1_000) : 1;
  const seconds = Math.min(MAX_RETRY_SECONDS, Math.max(1, estimate || 1));
  return seconds + Math.floor(spread * (seconds + 1));
}
