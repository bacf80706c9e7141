import type { KeyFrame, KeysFrame } from '../frame.js';
import { element, setText } from './element.js';
import { count, visible } from './format.js';

/** The busiest keys. Rows are created once and overwritten, so nothing moves. */
export class KeysTable {
  readonly element: HTMLElement;
  readonly #caption = element('caption');
  readonly #body = element('tbody');

  constructor() {
    const headings = ['Key', 'Held', 'Limit', 'Queued', 'Rejected'].map((text) =>
      element('th', { scope: 'col', textContent: text }),
    );
    const head = element('thead', {}, element('tr', {}, ...headings));
    this.element = element('table', { className: 'keys' }, this.#caption, head, this.#body);
  }

  show({ kept, busy, busiest }: KeysFrame): void {
    setText(
      this.#caption,
      kept > busiest.length
        ? `The busiest of ${count(kept)} keys; ${count(busy)} in use`
        : `${count(kept)} keys; ${count(busy)} in use`,
    );
    while (this.#body.rows.length < busiest.length) this.#body.append(emptyRow());
    Array.from(this.#body.rows).forEach((row, index) => {
      fill(row, busiest[index]);
    });
  }
}

function emptyRow(): HTMLTableRowElement {
  const cells = Array.from({ length: 4 }, () => element('td'));
  // A key may be in a script of any direction, which must not turn its neighbours round.
  return element('tr', {}, element('th', { scope: 'row' }, element('bdi')), ...cells);
}

/** An empty row keeps its height, so the cards below stay where they are when keys leave. */
function fill(row: HTMLTableRowElement, frame: KeyFrame | undefined): void {
  const texts = frame === undefined ? ['\u00a0', '', '', '', ''] : textsOf(frame);
  texts.forEach((text, column) => {
    const cell = row.cells[column];
    if (cell !== undefined) setText(column === 0 ? (cell.firstElementChild as HTMLElement) : cell, text);
  });
  row.ariaHidden = String(frame === undefined);
  row.dataset['condition'] = frame === undefined ? '' : frame.waiting > 0 ? 'queueing' : 'free';
}

function textsOf({ key, permits, held, waiting, rejected }: KeyFrame): string[] {
  const limit = permits === undefined ? '–' : count(permits);
  return [visible(key), count(held), limit, count(waiting), count(rejected)];
}
