import type { Outcome, Permit } from 'express-semaphore';

/** How a call must end or has ended: a grant, a rejection by its code, `'abort'`, or the name of another error. */
export type End = string;

/** The options of one call. */
export interface Request {
  readonly key: string;
  readonly weight: number;
  readonly priority: number;
  readonly flow: string;
  readonly maxWaitMs: number | undefined;
  readonly signal: Signal | undefined;
}

/** A signal that any number of calls were given. */
export interface Signal {
  readonly controller: AbortController;
  /** What one of its own listeners does when it aborts, in the middle of it. */
  react: (() => void) | undefined;
}

/** One call in a history, as the model sees it; what the code under test made of it is in `seen` and `permit`. */
export class Call implements Request {
  readonly key: string;
  readonly weight: number;
  readonly priority: number;
  readonly flow: string;
  readonly maxWaitMs: number | undefined;
  readonly signal: Signal | undefined;

  /** Who came earlier has a lower one. */
  readonly id: number;
  /** Time at which it was queued, and time at which it must have left. */
  since = 0;
  deadline = Infinity;
  /** What the model says has come of it; `undefined` while it waits. */
  end: End | undefined = undefined;
  /** What has come of it. */
  seen: End | undefined = undefined;
  permit: Permit | undefined = undefined;
  /** Said by the first release. */
  outcome: Outcome | undefined = undefined;
  /** Works that hold the permit. */
  works = 0;

  constructor(id: number, { key, weight, priority, flow, maxWaitMs, signal }: Request) {
    this.id = id;
    this.key = key;
    this.weight = weight;
    this.priority = priority;
    this.flow = flow;
    this.maxWaitMs = maxWaitMs;
    this.signal = signal;
  }
}
