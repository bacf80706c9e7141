import type { BaseStats, Limiter } from '../core/limiter.js';
import { requireString } from '../internal/validate.js';
import { isKeyed } from '../keyed/keyed-semaphore.js';
import type { KeyedSemaphore } from '../keyed/keyed-semaphore.js';
import type { KeyUse } from '../keyed/top-keys.js';
import { readControl } from './control.js';
import type { Control } from './control.js';
import type { Frame, KeyFrame, LimiterFrame } from './frame.js';

/** Keys shown of each `KeyedSemaphore`. */
const BUSIEST = 10;
/** A longer key is cut: it may be as long as a client can make it. */
const LONGEST_KEY = 80;

/** What a dashboard shows. It is read anew each time, so that a limiter in it may be replaced. */
export interface Shown {
  readonly limiters: Readonly<Record<string, Limiter | KeyedSemaphore>>;
  readonly controls: Readonly<Record<string, Control>>;
  readonly maskKey: ((key: string) => string) | undefined;
}

/** Reads everything shown, as it stands now. */
export function readFrame({ limiters, controls, maskKey }: Shown): Frame {
  return {
    at: Date.now(),
    limiters: Object.entries(limiters).map(([name, limiter]) =>
      isKeyed(limiter) ? readKeyed(name, limiter, maskKey) : readOne(name, limiter),
    ),
    controls: Object.entries(controls).map(([id, control]) => readControl(id, control)),
  };
}

function readOne(name: string, limiter: Limiter): LimiterFrame {
  const stats = limiter.stats();
  return { ...readGate(name, stats), permits: stats.permits };
}

function readKeyed(name: string, keyed: KeyedSemaphore, maskKey: Shown['maskKey']): LimiterFrame {
  const stats = keyed.stats();
  const busiest = busiestOf(keyed).map(({ key, held, waiting, rejected: rejected }): KeyFrame => ({
    key: textOf(key, maskKey),
    held,
    waiting,
    rejected,
  }));
  return { ...readGate(name, stats), keys: { kept: stats.keys, busy: stats.busyKeys, busiest } };
}

function readGate(name: string, stats: BaseStats): LimiterFrame {
  const { held, waiting, acquired, rejected, wait } = stats;
  const frame = { name, held, waiting, acquired, rejected };
  return wait.count === 0 ? frame : { ...frame, wait: { p50Ms: wait.p50Ms, p99Ms: wait.p99Ms } };
}

/** The keys with the longest lines; after them those that hold most, and those that were refused most. */
function busiestOf(keyed: KeyedSemaphore): KeyUse[] {
  const busiest = new Map<string, KeyUse>();
  for (const rank of ['waiting', 'held', 'rejected'] as const) {
    if (busiest.size >= BUSIEST) break;
    for (const use of keyed.top(rank, BUSIEST)) if (!busiest.has(use.key)) busiest.set(use.key, use);
  }
  return [...busiest.values()].slice(0, BUSIEST);
}

function textOf(key: string, maskKey: Shown['maskKey']): string {
  const text = maskKey === undefined ? key : maskKey(key);
  requireString('what maskKey returns', text);
  return text.length > LONGEST_KEY ? `${text.slice(0, LONGEST_KEY)}…` : text;
}
