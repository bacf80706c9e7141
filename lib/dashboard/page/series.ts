import type { Sample } from '../frame.js';

/** Time that a row is kept, in seconds. */
const KEPT_S = 15 * 60;

/** Distance between the rows of the server's history, in seconds. */
const STEP_S = 5;

/** Shortest distance between two rows that a plot shows as a gap, in seconds. */
const GAP_S = 3 * STEP_S;

/** Indexes of the columns of a series. The first seven after the time are those of a `Sample`. */
export const COLUMN = { held: 1, waiting: 2, rejected: 3, permits: 4, p50: 5, p99: 6, hold: 7 } as const;

export type Column = keyof typeof COLUMN;

/** The figures of one limiter over the last 15 minutes, in columns as uPlot takes them. */
export class Series {
  /** Times in seconds since the epoch, then one column a figure. `null` is a gap. */
  readonly columns: [number[], ...(number | null)[][]] = [[], [], [], [], [], [], [], []];

  /** Adds the newest row. */
  add(seconds: number, sample: Sample): void {
    const [times] = this.columns;
    const last = times.at(-1);
    if (last !== undefined && seconds - last > GAP_S) this.#push(last + STEP_S, EMPTY);
    this.#push(seconds, sample);
    const first = times.findIndex((time) => time >= seconds - KEPT_S);
    if (first > 0) for (const column of this.columns) column.splice(0, first);
  }

  /** Adds the rows of the server's history at times of which nothing is known here. */
  fill(times: readonly number[], samples: readonly (Sample | null)[]): void {
    const [known, ...columns] = this.columns;
    const rows = known.map((time, row): Row => [time, columns.map((column) => column[row] ?? null)]);
    const isKnown = (time: number) => known.some((each) => each > time - STEP_S && each <= time + 0.5);
    times.forEach((time, index) => {
      if (!isKnown(time)) rows.push([time, samples[index] ?? EMPTY]);
    });
    rows.sort(([one], [other]) => one - other);
    for (const column of this.columns) column.length = 0;
    for (const [time, row] of rows) this.#push(time, row);
  }

  #push(time: number, row: Row[1]): void {
    const [times, ...columns] = this.columns;
    times.push(time);
    columns.forEach((column, index) => column.push(row[index] ?? null));
  }
}

type Row = [time: number, values: readonly (number | null)[]];

const EMPTY: Row[1] = [];
