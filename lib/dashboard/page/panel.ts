import { element, setText } from './element.js';
import { timeOfDay } from './format.js';
import { Plot } from './plot.js';
import type { Curve } from './plot.js';
import { COLUMN } from './series.js';
import type { Series } from './series.js';

/** Options of a panel. */
export interface PanelOptions {
  readonly label: string;
  readonly curves: readonly Curve[];
  readonly format: (value: number) => string;
  /** Smallest step of the scale of the plot. @defaultValue `1` */
  readonly least?: number;
}

/** One figure with a note and a plot. While the pointer is on a plot, it also shows the values at that time. */
export class Panel {
  readonly element: HTMLElement;
  readonly #value = element('span', { className: 'value' });
  readonly #note = element('span', { className: 'note' });
  readonly #readOut = element('span', { className: 'read-out' });
  readonly #series: Series;
  readonly #options: PanelOptions;
  readonly #plot: Plot;

  constructor(series: Series, options: PanelOptions) {
    const { label, curves, format, least = 1 } = options;
    this.#series = series;
    this.#options = options;
    const onHover = (row: number | undefined) => {
      setText(this.#readOut, row === undefined ? '' : this.#textAt(row));
    };
    this.#plot = new Plot(series, { curves, format, least, onHover });
    this.element = element(
      'div',
      { className: curves.length > 1 && curves.every(({ look }) => look === 'line') ? 'panel two' : 'panel' },
      element('div', { className: 'panel-top' }, element('h3', { textContent: label }), this.#readOut),
      element('p', { className: 'figure' }, this.#value, ' ', this.#note),
      this.#plot.element,
    );
  }

  show(value: string, note: string): void {
    setText(this.#value, value);
    setText(this.#note, note);
    this.#plot.refresh();
  }

  #textAt(row: number): string {
    const [times] = this.#series.columns;
    const seconds = times[row];
    if (seconds === undefined) return '';
    const values = this.#options.curves.map(({ column }) => this.#series.columns[COLUMN[column]]?.[row]);
    const known = values.filter((value) => value !== null && value !== undefined);
    const texts = known.map((value) => this.#options.format(value));
    return `${timeOfDay(seconds, true)}  ${texts.length === 0 ? '–' : texts.join(' / ')}`;
  }
}
