/** The longest estimate that is told to a client, in seconds, before it is spread. */
const MAX_SECONDS = 30;

/**
 * Spreads an estimate of `ms` at random over whole seconds from itself to its double, at least from 1 to 2, in
 * milliseconds: clients refused at one moment do not come back at one moment.
 */
export function jittered(ms = 0): number {
  const seconds = Math.min(MAX_SECONDS, Math.max(1, Math.ceil(ms / 1_000) || 1));
  return (seconds + Math.floor(Math.random() * (seconds + 1))) * 1_000;
}
