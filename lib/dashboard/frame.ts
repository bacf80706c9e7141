/** What the page is told at one moment: one message of its stream, as JSON. */
export interface Frame {
  /** When it was taken, in milliseconds since the epoch. */
  readonly at: number;
  readonly limiters: readonly LimiterFrame[];
  readonly controls: readonly ControlFrame[];
}

/** One limiter at one moment. Totals count since it was made. */
export interface LimiterFrame {
  readonly name: string;
  /** The limit; absent where each key has its own. */
  readonly permits?: number;
  readonly held: number;
  readonly waiting: number;
  /** Grants so far. */
  readonly acquired: number;
  /** Refusals so far, by code. */
  readonly rejected: Readonly<Record<string, number>>;
  /** How long those who waited stood in line lately, in milliseconds; absent if nobody did. */
  readonly wait?: { readonly p50Ms: number; readonly p99Ms: number };
  readonly keys?: KeysFrame;
}

/** The keys of a `KeyedSemaphore` at one moment. */
export interface KeysFrame {
  /** Keys kept, busy and idle. */
  readonly kept: number;
  /** Those with a holder or a waiter. */
  readonly busy: number;
  /** Those with the most to do, first the busiest. */
  readonly busiest: readonly KeyFrame[];
}

/** One key at one moment. */
export interface KeyFrame {
  /** The key as it may be shown: masked if that was asked for, and cut if it is long. */
  readonly key: string;
  readonly held: number;
  readonly waiting: number;
  /** Refusals so far. */
  readonly rejected: number;
}

/** A control as it stands. `id` is its name in the options. */
export type ControlFrame = { readonly id: string; readonly label: string } & (
  | {
      readonly type: 'range';
      readonly min: number;
      readonly max: number;
      readonly step: number;
      readonly unit: string;
      readonly value: number;
    }
  | { readonly type: 'choice'; readonly choices: readonly string[]; readonly value: string }
  | { readonly type: 'switch'; readonly value: boolean }
  | { readonly type: 'button' }
  | { readonly type: 'reading'; readonly value: string }
);
