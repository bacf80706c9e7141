import { readOptions, unchecked } from '../internal/options.js';
import { aboveLimit, integer, requireIntegerOrInfinity, requireObject } from '../internal/validate.js';

/** Permits that a flow is guaranteed, and permits that it may hold at most. */
export interface Share {
  /** While a flow holds fewer permits, it is served before all others. @defaultValue `0` */
  readonly min?: number | undefined;

  /** While a flow holds as many permits, others pass its waiters. At least 1. @defaultValue `Infinity` */
  readonly max?: number | undefined;
}

/** The share of a flow, and the permits that it holds. */
export interface Holding {
  readonly min: number;
  readonly max: number;
  held: number;
}

/** The holding of each flow without a share. Its permits are not counted. */
export const UNBOUNDED: Readonly<Holding> = { min: 0, max: Infinity, held: 0 };

/**
 * The holdings of all flows with a share, by flow.
 *
 * @throws `TypeError` or `RangeError` for a bad share, or if the guarantees together exceed `permits`.
 */
export function readShares(shares: Readonly<Record<string, Share>>, permits: number): Map<string, Holding> {
  const holdings = new Map<string, Holding>();
  let sum = 0;
  for (const [flow, share] of Object.entries(shares)) {
    const what = `shares.${flow}`;
    requireObject(what, share);
    const { min = 0, max = Infinity } = readOptions(what, share, { min: integer(0), max: unchecked });
    requireIntegerOrInfinity('max', max, Math.max(1, min));
    holdings.set(flow, { min, max, held: 0 });
    sum += min;
  }
  if (sum > permits) throw aboveLimit('min of all shares', sum, permits);
  return holdings;
}
