/** Cap of the estimate, in seconds. Jitter can double it. */
const MAX_ESTIMATE_SECONDS = 30;

/**
 * `Retry-After` in whole seconds, at least 1: the capped estimate `ms`, or 1 second where nothing is known.
 *
 * `spread`, from 0 to 1, adds jitter up to the estimate itself. Clients that are rejected together then retry apart.
 */
export function retryAfterSeconds(ms: number | undefined, spread = 0): number {
  // A caller may have constructed the error with anything, and a bad header would end the answer.
  const estimate = typeof ms === 'number' ? Math.ceil(ms / 1_000) : 1;
  const seconds = Math.min(MAX_ESTIMATE_SECONDS, Math.max(1, estimate || 1));
  return seconds + Math.floor(spread * (seconds + 1));
}
