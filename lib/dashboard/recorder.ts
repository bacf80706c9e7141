import type { Frame, History, LimiterFrame, Sample } from './frame.js';

/** Length of one step of the history, in milliseconds. */
export const STEP_MS = 5_000;

/** Length of the history, in milliseconds. */
export const HISTORY_MS = 15 * 60_000;

/**
 * The last 15 minutes of a dashboard: 180 steps with seven numbers a limiter, about 20 kB a limiter.
 *
 * A step keeps the highest value of each figure, so a peak between two steps is not lost.
 */
export class Recorder {
  readonly #steps: Step[] = [];
  #step: Step | undefined;
  #last: Frame | undefined;

  get history(): History {
    const names = new Set(this.#steps.flatMap(({ samples }) => [...samples.keys()]));
    return {
      at: this.#steps.map(({ end }) => end),
      limiters: Array.from(names, (name) => ({
        name,
        samples: this.#steps.map(({ samples }) => samples.get(name) ?? null),
      })),
    };
  }

  /** Adds a frame. A step appears in the history once it is complete. */
  add(frame: Frame): void {
    if (this.#step !== undefined && frame.at >= this.#step.end) {
      this.#steps.push(this.#step);
      this.#step = undefined;
    }
    while (this.#steps[0] !== undefined && this.#steps[0].end < frame.at - HISTORY_MS) this.#steps.shift();
    this.#step ??= { end: (Math.floor(frame.at / STEP_MS) + 1) * STEP_MS, samples: new Map() };

    const seconds = this.#last === undefined ? 0 : (frame.at - this.#last.at) / 1_000;
    const before = new Map(this.#last?.limiters.map((each) => [each.name, each]));
    for (const limiter of frame.limiters) {
      const rate = rejectionRate(limiter, before.get(limiter.name), seconds);
      const sample = sampleOf(limiter, rate);
      const highest = this.#step.samples.get(limiter.name);
      this.#step.samples.set(limiter.name, highest === undefined ? sample : maximum(highest, sample));
    }
    this.#last = frame;
  }
}

interface Step {
  readonly end: number;
  readonly samples: Map<string, Sample>;
}

/** Rejections per second since `before`. It is 0 for a limiter that has replaced another under the same name. */
function rejectionRate(now: LimiterFrame, before: LimiterFrame | undefined, seconds: number): number {
  if (before === undefined || seconds <= 0) return 0;
  return Math.max(0, totalOf(now) - totalOf(before)) / seconds;
}

function totalOf({ rejected }: LimiterFrame): number {
  return Object.values(rejected).reduce((sum, each) => sum + each, 0);
}

function sampleOf({ held, waiting, permits, wait, holdP50Ms }: LimiterFrame, rate: number): Sample {
  const [p50Ms, p99Ms] = wait === undefined ? [null, null] : [wait.p50Ms, wait.p99Ms];
  return [held, waiting, rounded(rate), permits ?? null, rounded(p50Ms), rounded(p99Ms), rounded(holdP50Ms)];
}

function rounded(value: number): number;
function rounded(value: number | null | undefined): number | null;
function rounded(value: number | null | undefined): number | null {
  return value === undefined || value === null ? null : Math.round(value * 10) / 10;
}

function maximum(one: Sample, other: Sample): Sample {
  return one.map((value, index) => {
    const another = other[index] ?? null;
    return value === null || another === null ? (value ?? another) : Math.max(value, another);
  }) as unknown as Sample;
}
