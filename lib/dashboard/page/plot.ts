import uPlot from 'uplot';

/** How much of the past a plot shows, in seconds. */
const SPAN_S = 60;
/** Rows kept: what is shown, at two frames a second. */
const ROWS = 2 * SPAN_S;
const HEIGHT_PX = 92;

/** Steps of a scale: 0.1, 0.2, 0.5, 1, 2, 5 and so on. */
const INCREMENTS = Array.from({ length: 11 }, (_, power) =>
  [1, 2, 5].map((digit) => digit * 10 ** (power - 1)),
).flat();

/** One line of a plot. */
export interface Line {
  /** The CSS variable that holds its colour. */
  readonly color: string;
  readonly look: 'area' | 'line' | 'dashed';
}

/** Lines that move from right to left as rows are added. The figures they show are to be found beside them as text. */
export class Plot {
  readonly element: HTMLElement;
  /** Times in seconds, then the values of each line; `null` is a gap. */
  readonly #columns: [number[], ...(number | null)[][]];
  readonly #plot: uPlot;
  #isSeen = false;

  /** `least` is the smallest step from one mark of the scale to the next. */
  constructor(lines: readonly Line[], format: (value: number) => string, least: number) {
    this.element = document.createElement('div');
    this.element.className = 'plot';
    this.element.ariaHidden = 'true';
    this.#columns = [[], ...lines.map(() => [])];
    this.#plot = new uPlot(optionsOf(lines, format, least), this.#columns, this.element);
    new ResizeObserver(([entry]) => {
      const width = Math.floor(entry?.contentRect.width ?? 0);
      if (width > 0) this.#plot.setSize({ width, height: HEIGHT_PX });
    }).observe(this.element);
    new IntersectionObserver(([entry]) => {
      this.#isSeen = entry?.isIntersecting ?? false;
      if (this.#isSeen) this.#plot.setData(this.#columns);
    }).observe(this.element);
    DARK.addEventListener('change', () => {
      this.#plot.redraw(false, true);
    });
  }

  /** Adds a value for each line. */
  add(seconds: number, values: readonly (number | null)[]): void {
    const [times, ...columns] = this.#columns;
    times.push(seconds);
    columns.forEach((column, index) => column.push(values[index] ?? null));
    if (times.length > ROWS) for (const column of this.#columns) column.shift();
    // What is scrolled out of sight costs nothing to keep up to date.
    if (this.#isSeen) this.#plot.setData(this.#columns);
  }
}

const DARK = matchMedia('(prefers-color-scheme: dark)');

function optionsOf(lines: readonly Line[], format: (value: number) => string, least: number): uPlot.Options {
  return {
    width: 200,
    height: HEIGHT_PX,
    padding: [6, 0, 6, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { time: false, range: (_plot, _min, max) => [max - SPAN_S, max] },
      y: { range: (_plot, _min, max) => [0, Math.max(1, max * 1.1)] },
    },
    axes: [
      { show: false },
      {
        size: 48,
        gap: 6,
        space: 34,
        font: `11px ${cssVariable('--sans')}`,
        stroke: () => cssVariable('--muted'),
        values: (_plot, splits) => splits.map((value) => (value === 0 ? '0' : format(value))),
        incrs: INCREMENTS.filter((step) => step >= least),
        grid: { stroke: () => cssVariable('--line'), width: 1 },
        ticks: { show: false },
      },
    ],
    series: [{}, ...lines.map(seriesOf)],
  };
}

function seriesOf({ color, look }: Line): uPlot.Series {
  return {
    stroke: () => cssVariable(color),
    width: look === 'dashed' ? 1 : 1.75,
    points: { show: false },
    ...(look === 'dashed' && { dash: [4, 3] }),
    ...(look === 'area' && { fill: () => `${cssVariable(color)}24` }),
  };
}

function cssVariable(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
