import type { WindowSummary } from './sample-window.js';

/**
 * From which part of a window's samples on their failing means overload. Below it they may be bugs and bad luck, and a
 * limit that gave way to each error would end at its minimum.
 */
const OVERLOAD_SHARE = 0.1;

/** Whether so much of a window failed by overload that the limit has to give way. */
export function isOverload({ overloadShare }: WindowSummary): boolean {
  return overloadShare >= OVERLOAD_SHARE;
}
