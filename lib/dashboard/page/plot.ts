import uPlot from 'uplot';
import { timeOfDay } from './format.js';
import { COLUMN } from './series.js';
import type { Column, Series } from './series.js';

const HEIGHT_PX = 116;

/** Steps of a scale: 0.1, 0.2, 0.5, 1, 2, 5 and so on. */
const INCREMENTS = Array.from({ length: 11 }, (_, power) =>
  [1, 2, 5].map((digit) => digit * 10 ** (power - 1)),
).flat();

/** Steps of the time axis, in seconds. */
const TIME_INCREMENTS = [5, 10, 15, 30, 60, 120, 300, 600];

/** One curve of a plot. */
export interface Curve {
  readonly column: Column;
  /** CSS variable with the colour. */
  readonly color: string;
  readonly look: 'area' | 'line' | 'dashed';
}

/** Options of a plot. */
export interface PlotOptions {
  readonly curves: readonly Curve[];
  readonly format: (value: number) => string;
  /** Smallest step of the scale. */
  readonly least: number;
  /** Called with the row under the pointer, `undefined` when the pointer has left. */
  readonly onHover: (row: number | undefined) => void;
}

/** Length of the past that all plots show, in seconds. It is shorter while less is known. */
export const view = { spanS: 300 };

/** Curves over time. They are hidden from screen readers: the figures beside them are text. */
export class Plot {
  readonly element: HTMLElement;
  readonly #data: uPlot.AlignedData;
  readonly #plot: uPlot;
  #isSeen = false;

  constructor(series: Series, options: PlotOptions) {
    this.element = document.createElement('div');
    this.element.className = 'plot';
    this.element.ariaHidden = 'true';
    const [times] = series.columns;
    this.#data = [times, ...options.curves.map(({ column }) => series.columns[COLUMN[column]] ?? [])];
    this.#plot = new uPlot(optionsOf(options), this.#data, this.element);
    owners.set(this.element, this);
    resizes.observe(this.element);
    intersections.observe(this.element);
  }

  /** Draws the newest data, if the plot is in view. */
  refresh(): void {
    if (this.#isSeen) this.draw();
  }

  draw(): void {
    this.#plot.setData(this.#data);
  }

  redraw(): void {
    this.#plot.redraw(false, true);
  }

  resize(width: number): void {
    if (width > 0) this.#plot.setSize({ width, height: HEIGHT_PX });
  }

  see(isSeen: boolean): void {
    this.#isSeen = isSeen;
    this.refresh();
  }
}

const owners = new Map<Element, Plot>();

const resizes = new ResizeObserver((entries) => {
  for (const { target, contentRect } of entries) owners.get(target)?.resize(Math.floor(contentRect.width));
});

// A batch may have several entries of one plot. They are in order of time, so the last one counts.
const intersections = new IntersectionObserver((entries) => {
  const seen = new Map(entries.map(({ target, isIntersecting }) => [target, isIntersecting]));
  for (const [target, isSeen] of seen) owners.get(target)?.see(isSeen);
});

const dark = matchMedia('(prefers-color-scheme: dark)');
dark.addEventListener('change', () => {
  for (const plot of owners.values()) plot.redraw();
});

// A print shows plots that were never in view.
addEventListener('beforeprint', () => {
  for (const plot of owners.values()) plot.draw();
});

function optionsOf({ curves, format, least, onHover }: PlotOptions): uPlot.Options {
  const font = `11px ${cssVariable('--sans')}`;
  const stroke = () => cssVariable('--muted');
  const grid = { stroke: () => cssVariable('--line'), width: 1 };
  return {
    width: 200,
    height: HEIGHT_PX,
    padding: [6, 6, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { setScale: false }, sync: { key: 'time' } },
    hooks: {
      setCursor: [
        (plot) => {
          onHover((plot.cursor.left ?? -1) < 0 ? undefined : (plot.cursor.idx ?? undefined));
        },
      ],
    },
    scales: {
      x: {
        time: false,
        range: (_plot, min, max) => [Math.max(max - view.spanS, Math.min(min, max - 60)), max],
      },
      y: { range: (_plot, _min, max) => [0, Math.max(1, max * 1.1)] },
    },
    axes: [
      {
        size: 20,
        gap: 3,
        space: 64,
        font,
        stroke,
        values: (_plot, splits) => splits.map((time) => timeOfDay(time, view.spanS <= 60)),
        incrs: TIME_INCREMENTS,
        grid: { show: false },
        ticks: { ...grid, size: 4 },
      },
      {
        size: 48,
        gap: 6,
        space: 34,
        font,
        stroke,
        values: (_plot, splits) => splits.map((value) => (value === 0 ? '0' : format(value))),
        incrs: INCREMENTS.filter((step) => step >= least),
        grid,
        ticks: { show: false },
      },
    ],
    series: [{}, ...curves.map(seriesOf)],
  };
}

function seriesOf({ color, look }: Curve): uPlot.Series {
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
