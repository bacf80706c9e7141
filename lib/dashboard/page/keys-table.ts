import type { KeyFrame, KeysFrame } from '../frame.js';
import { element, setText } from './element.js';
import { count } from './format.js';

/** The busiest keys. Its rows are made once and written over, so that nothing jumps. */
export class KeysTable {
  readonly element: HTMLElement;
  readonly #caption = element('caption');
  readonly #body = element('tbody');

  constructor() {
    const headings = ['Key', 'Held', 'Queued', 'Rejected'].map((text) =>
      element('th', { scope: 'col', textContent: text }),
    );
    const table = element(
      'table',
      {},
      this.#caption,
      element('thead', {}, element('tr', {}, ...headings)),
      this.#body,
    );
    this.element = element('div', { className: 'keys' }, table);
  }

  show({ kept, busy, busiest }: KeysFrame): void {
    setText(
      this.#caption,
      kept > busiest.length
        ? `The busiest of ${count(kept)} keys; ${count(busy)} in use`
        : `${count(kept)} keys; ${count(busy)} in use`,
    );
    while (this.#body.rows.length > busiest.length) this.#body.deleteRow(-1);
    while (this.#body.rows.length < busiest.length) this.#body.append(emptyRow());
    busiest.forEach((key, index) => {
      const row = this.#body.rows[index];
      if (row !== undefined) fill(row, key);
    });
  }
}

function emptyRow(): HTMLTableRowElement {
  return element(
    'tr',
    {},
    // A key may be written in any direction, and must not turn its neighbours round.
    element('th', { scope: 'row' }, element('bdi')),
    element('td'),
    element('td'),
    element('td'),
  );
}

function fill(row: HTMLTableRowElement, { key, held, waiting, rejected }: KeyFrame): void {
  const texts = [key, count(held), count(waiting), count(rejected)];
  texts.forEach((text, column) => {
    const cell = row.cells[column];
    if (cell !== undefined) setText(column === 0 ? (cell.firstElementChild as HTMLElement) : cell, text);
  });
  row.dataset['condition'] = waiting > 0 ? 'queueing' : 'free';
}
