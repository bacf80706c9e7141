import { warnOnce } from '../internal/warn.js';
import type { SharedOptions } from './options.js';
import { MissingRightsError, rootClock } from './sync/connection.js';
import type { Connection } from './sync/connection.js';
import type { KeyNames } from './sync/keys.js';
import type { SyncClient } from './sync/sync-client.js';

/** Shortest deadline in milliseconds. */
const MIN_DEADLINE_MS = 4_000;
/** Delay between two attempts, in milliseconds. */
const RETRY_MS = 50;

/**
 * Resolves once the user has all rights, Redis has run the script and a message has made the way through Redis to this
 * process. Rejects with an error that names what is missing, at the latest after four times `timeoutMs` or 4 seconds.
 */
export async function checkReadiness(
  connection: Connection,
  sync: SyncClient,
  keys: KeyNames,
  { timeoutMs }: SharedOptions,
): Promise<void> {
  const deadlineMs = Math.max(MIN_DEADLINE_MS, 4 * timeoutMs);
  const waiting = new AbortController();
  let lastError: unknown;
  let timer: unknown;
  const late = new Promise<never>((_, reject) => {
    timer = rootClock.setTimer(() => {
      const cause = connection.wakeUpError ?? lastError;
      const why = cause instanceof Error ? `: ${cause.message}` : '';
      reject(new Error(`no answer within ${deadlineMs} ms${why}`, { cause }));
    }, deadlineMs);
  });
  try {
    const policy = await Promise.race([prove(), late]);
    if (policy !== '') warnOfEviction(policy);
  } finally {
    waiting.abort();
    rootClock.clearTimer(timer);
  }

  /** An error that Redis did not answer is tried again: the client may still be connecting. */
  async function prove(): Promise<string> {
    for (;;) {
      try {
        const policy = await connection.checkRights(keys);
        await sync.ping();
        await connection.proveWakeUps(keys, waiting.signal);
        return policy;
      } catch (error) {
        const isFinal = connection.isReply(error) || error instanceof MissingRightsError;
        if (waiting.signal.aborted || isFinal) throw error;
        lastError = error;
        await new Promise<void>((resolve) => rootClock.setTimer(resolve, RETRY_MS));
      }
    }
  }
}

function warnOfEviction(policy: string): void {
  const what = `Redis may evict the keys of a RedisSemaphore, because its maxmemory-policy is ${policy}`;
  warnOnce('WARN_SEMAPHORE_EVICTION', what);
}
