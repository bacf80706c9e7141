import type { ServerResponse } from 'node:http';
import type { Limiter, LimiterStats } from '../core/limiter.js';
import { isKeyed, PARTS } from '../keyed/key-limiter.js';
import type { KeyedLimiter, MaybeChain } from '../keyed/key-limiter.js';
import type { KeyedSemaphore } from '../keyed/keyed-semaphore.js';

/** Largest integer of a structured field (RFC 9651). */
const MOST = 999_999_999_999_999;

/**
 * Adds the limit to `RateLimit-Policy` and the free permits to `RateLimit`, as in draft-ietf-httpapi-ratelimit-headers-11.
 * Each limit of the request has an item in both, and so has each part of a chain. A key that is not kept has no limit.
 */
export function addRateLimitHeaders(res: ServerResponse, limiter: Limiter | KeyedLimiter, key: string): void {
  if (res.headersSent) return;
  const parts = (limiter as MaybeChain)[PARTS]?.(key);
  if (parts !== undefined) {
    for (const [part, partKey] of parts) addRateLimitHeaders(res, part, partKey);
    return;
  }
  const counts = isKeyed(limiter) ? (limiter as Partial<OfKeys>).stats?.(key) : countsOf(limiter as Limiter);
  if (counts === undefined) return;
  const name = (limiter as Partial<Counts>).name ?? counts.name ?? 'default';
  const id = name.replace(/[^ -~]/g, '?').replace(/["\\]/g, '\\$&');
  add(res, 'RateLimit-Policy', `"${id}";q=${Math.min(counts.permits, MOST)};qu="concurrent-requests"`);
  add(res, 'RateLimit', `"${id}";r=${Math.min(counts.available, MOST)}`);
}

/** What a keyed limiter has that is no chain. */
type OfKeys = Pick<KeyedSemaphore, 'stats'>;

type Counts = Pick<LimiterStats, 'name' | 'permits' | 'available'>;

/** Reads the getters where there are some: `stats()` begins to measure durations. */
function countsOf(limiter: Limiter & Partial<Counts>): Counts {
  const { name, permits, available } = limiter;
  return permits === undefined || available === undefined ? limiter.stats() : { name, permits, available };
}

function add(res: ServerResponse, header: string, item: string): void {
  const earlier = res.getHeader(header);
  res.setHeader(header, earlier === undefined ? item : `${String(earlier)}, ${item}`);
}
