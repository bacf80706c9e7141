import type { ServerResponse } from 'node:http';
import type { Limiter } from '../core/limiter.js';
import { isSemaphoreError } from '../errors.js';
import { isKeyed, PARTS } from '../keyed/key-limiter.js';
import type { KeyedLimiter, MaybeChain } from '../keyed/key-limiter.js';

/** Largest integer of a structured field (RFC 9651). */
const MOST = 999_999_999_999_999;

/**
 * Adds the limit to `RateLimit-Policy` and the free permits to `RateLimit`, as in draft-ietf-httpapi-ratelimit-headers-11.
 * Each limit of the request has an item in both, and so has each part of a chain.
 */
export function addRateLimitHeaders(res: ServerResponse, limiter: Limiter | KeyedLimiter, key: string): void {
  if (res.headersSent) return;
  const parts = (limiter as MaybeChain)[PARTS]?.(key);
  if (parts !== undefined) {
    for (const [part, partKey] of parts) {
      try {
        addRateLimitHeaders(res, part, partKey);
      } catch (error) {
        // A part that has no room for the key has no limit to show.
        if (!isSemaphoreError(error)) throw error;
      }
    }
    return;
  }
  const one: Limiter & Partial<Counts> = isKeyed(limiter) ? limiter.for(key) : (limiter as Limiter);
  // The getters come first: `stats()` begins to measure durations.
  const { permits = one.stats().permits, available = one.stats().available } = one;
  const { name } = limiter as { readonly name?: string | undefined };
  const id = (name ?? one.name ?? 'default').replace(/[^ -~]/g, '?').replace(/["\\]/g, '\\$&');
  add(res, 'RateLimit-Policy', `"${id}";q=${Math.min(permits, MOST)};qu="concurrent-requests"`);
  add(res, 'RateLimit', `"${id}";r=${Math.min(available, MOST)}`);
}

interface Counts {
  readonly name: string | undefined;
  readonly permits: number;
  readonly available: number;
}

function add(res: ServerResponse, header: string, item: string): void {
  const earlier = res.getHeader(header);
  res.setHeader(header, earlier === undefined ? item : `${String(earlier)}, ${item}`);
}
