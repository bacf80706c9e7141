import type { LimiterFrame, Sample } from '../frame.js';
import { follows, judge } from './judge.js';
import type { Verdict } from './judge.js';
import { COLUMN, Series } from './series.js';

/** Number of frames that a rate is taken over: two seconds, so rates are calm and a single rejection is seen. */
const FRAMES = 4;

/** One limiter of the page: its newest frame, its verdict and its past. */
export class LimiterModel {
  readonly name: string;
  readonly series = new Series();
  #frame: LimiterFrame;
  #verdict: Verdict;
  #past: { readonly seconds: number; readonly frame: LimiterFrame }[] = [];

  constructor(frame: LimiterFrame) {
    this.name = frame.name;
    this.#frame = frame;
    this.#verdict = judge(frame, frame, 0);
  }

  get frame(): LimiterFrame {
    return this.#frame;
  }

  get verdict(): Verdict {
    return this.#verdict;
  }

  /** Whether a call waited or was rejected within the last `seconds` that the series knows. */
  wasBusy(seconds: number): boolean {
    const [times] = this.series.columns;
    const start = (times.at(-1) ?? 0) - seconds;
    const isBusy = (row: number) =>
      [COLUMN.waiting, COLUMN.rejected].some((column) => (this.series.columns[column]?.[row] ?? 0) > 0);
    return times.some((time, row) => time >= start && isBusy(row));
  }

  /** Takes the newest frame. `isFirst` means that frames before it may be missing. */
  update(frame: LimiterFrame, seconds: number, isFirst: boolean): void {
    if (isFirst || this.#past.some(({ frame: before }) => !follows(frame, before))) this.#past = [];
    const isKnown = this.#past.length > 0;
    const before = this.#past[0] ?? { seconds, frame };
    this.#frame = frame;
    this.#verdict = judge(frame, before.frame, seconds - before.seconds);
    this.#past.push({ seconds, frame });
    if (this.#past.length > FRAMES) this.#past.shift();
    this.series.add(seconds, sampleOf(frame, isKnown ? this.#verdict.rejectedRate : null));
  }
}

function sampleOf(
  { held, waiting, permits, wait, holdP50Ms }: LimiterFrame,
  rejectedRate: number | null,
): Sample {
  const { p50Ms = null, p99Ms = null } = wait ?? {};
  return [held, waiting, rejectedRate, permits ?? null, p50Ms, p99Ms, holdP50Ms ?? null];
}
