/** State of all limiters at one moment. The stream sends each as one JSON message. */
export interface Frame {
  /** Time of the reading, in milliseconds since the epoch. */
  readonly at: number;
  readonly limiters: readonly LimiterFrame[];
}

/** State of one limiter. Totals count since the limiter was created. */
export interface LimiterFrame {
  readonly name: string;
  /** The limit. A `KeyedSemaphore` has none: each key has its own. */
  readonly permits?: number;
  readonly held: number;
  readonly waiting: number;
  /** Total of calls granted. */
  readonly acquired: number;
  /** Total of permits released. */
  readonly released: number;
  /** Totals of calls rejected, by error code. */
  readonly rejected: Readonly<Record<string, number>>;
  /** Waits that ended in the last 10 to 20 seconds. Missing if there were none. */
  readonly wait?: { readonly p50Ms: number; readonly p99Ms: number };
  /** Median time that a permit was held, over the last 10 to 20 seconds. Missing if no permit was released. */
  readonly holdP50Ms?: number;
  /** Time that the oldest permit has been held. Missing while none is known. */
  readonly oldestHeldMs?: number;
  /** Time without a release although permits are held and callers wait. Missing below 10 seconds. */
  readonly stuckMs?: number;
  /** Present while the limiter is paused. */
  readonly paused?: true;
  /** All processes that share the limit, together. Missing for a limiter of this process alone. */
  readonly fleet?: { readonly held: number; readonly waiting: number; readonly nodes: number };
  readonly keys?: KeysFrame;
}

/** The keys of a `KeyedSemaphore`. */
export interface KeysFrame {
  /** Number of keys kept, busy and idle. */
  readonly kept: number;
  /** Number of keys with a holder or a waiter. */
  readonly busy: number;
  /** The busiest keys, the busiest first. */
  readonly busiest: readonly KeyFrame[];
}

/** State of one key. */
export interface KeyFrame {
  /** Text shown for the key: masked by `maskKey`, and cut if it is long. */
  readonly key: string;
  /** The limit of the key. Missing if its limiter is not one of this package. */
  readonly permits?: number;
  readonly held: number;
  readonly waiting: number;
  /** Total of calls rejected. */
  readonly rejected: number;
}

/** State of one limiter over one step of the history: the highest values in that step. */
export type Sample = readonly [
  held: number,
  waiting: number,
  rejectedPerSecond: number | null,
  permits: number | null,
  waitP50Ms: number | null,
  waitP99Ms: number | null,
  holdP50Ms: number | null,
];

/** The last 15 minutes. A limiter has its samples at the indexes of `at`; `null` where the limiter was missing. */
export interface History {
  /** Ends of the steps, in milliseconds since the epoch. */
  readonly at: readonly number[];
  readonly limiters: readonly { readonly name: string; readonly samples: readonly (Sample | null)[] }[];
}
