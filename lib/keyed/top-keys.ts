import type { Limiter } from '../core/limiter.js';
import { statsRecorderOf } from '../core/stats-recorder.js';
import { requireOneOf } from '../internal/validate.js';

/** A number by which keys are compared. */
export type KeyRank = 'held' | 'waiting' | 'rejected';

/** The use of one key at one moment. */
export interface KeyUse {
  readonly key: string;
  /** Permits held. */
  readonly held: number;
  /** Queued callers. */
  readonly waiting: number;
  /** Rejections since the key was last new. */
  readonly rejected: number;
}

/**
 * The `count` keys with the highest `rank`, highest first. Keys with 0 are left out. It looks at each key once and keeps
 * `count` of them.
 */
export function topKeys(
  entries: Iterable<{ readonly key: string; readonly limiter: Limiter }>,
  rank: KeyRank,
  count: number,
): KeyUse[] {
  const top: KeyUse[] = [];
  for (const { key, limiter } of entries) {
    const stats = statsRecorderOf(limiter);
    if (stats === undefined) continue;
    const value = stats[rank];
    if (value === 0 || (top.length === count && value <= (top.at(-1)?.[rank] ?? 0))) continue;
    const { held, waiting, rejected } = stats;
    const place = top.findLastIndex((use) => use[rank] >= value) + 1;
    top.splice(place, 0, Object.freeze({ key, held, waiting, rejected }));
    if (top.length > count) top.pop();
  }
  return top;
}

/** Throws unless `rank` is a `KeyRank`. */
export function requireRank(rank: unknown): void {
  requireOneOf('rank', rank, RANKS);
}

const RANKS: readonly KeyRank[] = ['held', 'waiting', 'rejected'];
