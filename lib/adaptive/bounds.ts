import { requireInteger } from '../internal/validate.js';
import { warnOfUnknown } from '../internal/warn.js';
import type { LimitBounds } from './algorithm.js';

/** Bounds that have been checked and filled in. */
export interface CheckedBounds {
  readonly min: number;
  readonly max: number;
  readonly initial: number;
}

/** The bounds that `what` was given; it knows no other options than these. */
export function checkBounds(what: string, bounds: LimitBounds): CheckedBounds {
  const { minPermits = 3, ...others } = bounds;
  requireInteger('minPermits', minPermits, 1);
  const { maxPermits = Math.max(1_000, minPermits), initialPermits, ...unknown } = others;
  warnOfUnknown(what, unknown);
  requireInteger('maxPermits', maxPermits, minPermits);
  if (initialPermits !== undefined) requireInteger('initialPermits', initialPermits, minPermits, maxPermits);
  const initial = initialPermits ?? clamp(20, { min: minPermits, max: maxPermits });
  return { min: minPermits, max: maxPermits, initial };
}

export function clamp(limit: number, { min, max }: Pick<CheckedBounds, 'min' | 'max'>): number {
  return Math.min(max, Math.max(min, limit));
}
