/**
 * From which part of a window's samples on their failing means overload. Below it they may be bugs and bad luck, and a
 * limit that gave way to each error would end at its minimum.
 */
export const OVERLOAD_SHARE = 0.1;
