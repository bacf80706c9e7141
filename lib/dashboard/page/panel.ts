import { element, setText } from './element.js';
import { Plot } from './plot.js';
import type { Line } from './plot.js';

/** A figure with its name, what there is to say beside it, and its recent past as a plot. */
export class Panel {
  readonly element: HTMLElement;
  readonly #value = element('span', { className: 'value' });
  readonly #note = element('span', { className: 'note' });
  readonly #plot: Plot;

  constructor(label: string, lines: readonly Line[], format: (value: number) => string, least = 1) {
    this.#plot = new Plot(lines, format, least);
    this.element = element(
      'div',
      { className: 'panel' },
      element('h3', { textContent: label }),
      element('p', { className: 'figure' }, this.#value, ' ', this.#note),
      this.#plot.element,
    );
  }

  show(seconds: number, value: string, note: string, values: readonly (number | null)[]): void {
    setText(this.#value, value);
    setText(this.#note, note);
    this.#plot.add(seconds, values);
  }

  /** Leaves a gap: nothing was known here. */
  skip(seconds: number): void {
    this.#plot.add(seconds, []);
  }
}
