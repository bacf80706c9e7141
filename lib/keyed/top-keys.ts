import type { Limiter } from '../core/limiter.js';
import { statsRecorderOf } from '../core/stats-recorder.js';
import { requireOneOf } from '../internal/validate.js';

/** By what keys can be compared. */
export type KeyRank = 'held' | 'waiting' | 'rejected';

/** What one key is doing. */
export interface KeyUse {
  readonly key: string;
  /** Permits out. */
  readonly held: number;
  /** Waiters in line. */
  readonly waiting: number;
  /** Refusals since the key was last new. */
  readonly rejected: number;
}

/**
 * The `count` keys with the most of `rank`, the most first; keys that have none are left out. It looks at every key once
 * and remembers only `count` of them.
 */
export function topKeys(
  entries: Iterable<{ readonly key: string; readonly limiter: Limiter }>,
  rank: KeyRank,
  count: number,
): KeyUse[] {
  const top: KeyUse[] = [];
  for (const { key, limiter } of entries) {
    const books = statsRecorderOf(limiter);
    if (books === undefined) continue;
    const figure = books[rank];
    if (figure === 0 || (top.length === count && figure <= (top.at(-1)?.[rank] ?? 0))) continue;
    const { held, waiting, rejected: rejected } = books;
    const place = top.findLastIndex((use) => use[rank] >= figure) + 1;
    top.splice(place, 0, Object.freeze({ key, held, waiting, rejected }));
    if (top.length > count) top.pop();
  }
  return top;
}

/** Throws unless `rank` is one. */
export function requireRank(rank: unknown): void {
  requireOneOf('rank', rank, RANKS);
}

const RANKS: readonly KeyRank[] = ['held', 'waiting', 'rejected'];
