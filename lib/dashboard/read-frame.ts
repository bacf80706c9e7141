import type { BaseStats, Limiter, LimiterStats } from '../core/limiter.js';
import { requireString } from '../internal/validate.js';
import { isKeyed } from '../keyed/key-limiter.js';
import type { KeyedSemaphore } from '../keyed/keyed-semaphore.js';
import { entriesOf } from '../keyed/limiters.js';
import type { Limiters } from '../keyed/limiters.js';
import type { KeyUse } from '../keyed/top-keys.js';
import type { Frame, KeyFrame, LimiterFrame } from './frame.js';

/** Number of keys shown of each `KeyedSemaphore`. */
const BUSIEST = 10;

/** Maximum length of a key that is shown whole. A client chooses how long its key is. */
const LONGEST_KEY = 80;

/** Time without a release from which a limiter with waiters is reported as stuck, in milliseconds. */
const STUCK_MS = 10_000;

/** Reads the limiters of a dashboard. */
export class FrameReader {
  readonly #limiters: Limiters;
  readonly #maskKey: ((key: string) => string) | undefined;
  /** The last progress of each limiter with waiters. */
  #progress = new Map<string, Progress>();

  constructor(limiters: Limiters, maskKey: ((key: string) => string) | undefined) {
    this.#limiters = limiters;
    this.#maskKey = maskKey;
  }

  read(): Frame {
    const at = Date.now();
    const progress = new Map<string, Progress>();
    const limiters = entriesOf(this.#limiters).map(([name, limiter]) => {
      const frame = isKeyed(limiter) ? this.#readKeyed(limiter) : readOne(limiter);
      const last = progressOf(frame, at, this.#progress.get(name));
      if (last !== undefined) progress.set(name, last);
      const stuckMs = last === undefined ? 0 : at - last.since;
      return { name, ...frame, ...(stuckMs >= STUCK_MS && { stuckMs }) };
    });
    this.#progress = progress;
    return { at, limiters };
  }

  #readKeyed(keyed: KeyedSemaphore): Reading {
    const stats = keyed.stats();
    const busiest = busiestOf(keyed).map(({ key, held, waiting, rejected }): KeyFrame => {
      const permits = keyed.stats(key)?.permits;
      return { key: this.#textOf(key), held, waiting, rejected, ...(permits !== undefined && { permits }) };
    });
    return { ...readBase(stats), keys: { kept: stats.keys, busy: stats.busyKeys, busiest } };
  }

  #textOf(key: string): string {
    const text = this.#maskKey === undefined ? key : this.#maskKey(key);
    requireString('what maskKey returns', text);
    return text.length > LONGEST_KEY ? `${text.slice(0, LONGEST_KEY)}…` : text;
  }
}

type Reading = Omit<LimiterFrame, 'name' | 'stuckMs'>;

interface Progress {
  readonly released: number;
  readonly since: number;
}

/** The time of the last release; `undefined` unless permits are held, callers wait and the limiter is not paused. */
function progressOf(
  { held, waiting, released, paused }: Reading,
  at: number,
  last: Progress | undefined,
): Progress | undefined {
  if (held === 0 || waiting === 0 || paused === true) return undefined;
  return last?.released === released ? last : { released, since: at };
}

function readOne(limiter: Limiter): Reading {
  const stats = limiter.stats();
  const { fleet } = stats as Pick<LimiterFrame, 'fleet'>;
  return { ...readBase(stats), permits: stats.permits, ...(fleet !== undefined && { fleet }) };
}

function readBase({
  held,
  waiting,
  acquired,
  rejected,
  released,
  wait,
  hold,
  oldestHeldMs,
  paused,
}: BaseStats & Pick<LimiterStats, 'paused'>): Reading {
  return {
    held,
    waiting,
    acquired,
    released: Object.values(released).reduce((sum, each) => sum + each, 0),
    rejected,
    ...(wait.count > 0 && { wait: { p50Ms: wait.p50Ms, p99Ms: wait.p99Ms } }),
    ...(hold.count > 0 && { holdP50Ms: hold.p50Ms }),
    ...(oldestHeldMs > 0 && { oldestHeldMs }),
    ...(paused === true && { paused }),
  };
}

/** The keys with the longest queues, then those that hold most, then those that were rejected most. */
function busiestOf(keyed: KeyedSemaphore): KeyUse[] {
  const busiest = new Map<string, KeyUse>();
  for (const rank of ['waiting', 'held', 'rejected'] as const) {
    if (busiest.size >= BUSIEST) break;
    for (const use of keyed.top(rank, BUSIEST)) if (!busiest.has(use.key)) busiest.set(use.key, use);
  }
  return [...busiest.values()].slice(0, BUSIEST);
}
