import { element, setText } from './element.js';
import { count, duration, perSecond, visible } from './format.js';
import { CONDITIONS } from './judge.js';
import type { LimiterModel } from './limiter.js';

/** Time that a limiter keeps the place of its worst condition, in milliseconds. */
const CALM_MS = 3_000;

/**
 * All limiters, one row each, the worst first. Rows are created once and overwritten, so nothing moves. The order stays
 * as it is while the pointer or the focus is in the strip.
 */
export class Strip {
  readonly #table: HTMLElement;
  readonly #body: HTMLTableSectionElement;
  readonly #open: (name: string) => void;
  readonly #rows: Row[] = [];
  readonly #worst = new Map<string, { readonly rank: number; readonly at: number }>();
  #order: string[] = [];

  constructor(table: HTMLElement, open: (name: string) => void) {
    this.#table = table;
    this.#open = open;
    this.#body = element('tbody');
    table.append(this.#body);
  }

  show(models: readonly LimiterModel[]): void {
    const now = performance.now();
    const ranks = new Map(models.map((model) => [model.name, this.#rankOf(model, now)]));
    const isHeld =
      this.#table.matches(':hover, :focus-within') && this.#order.every((name) => ranks.has(name));
    if (!isHeld || this.#order.length !== models.length) {
      const names = models.map(({ name }) => name);
      this.#order = names.sort((one, other) => (ranks.get(one) ?? 0) - (ranks.get(other) ?? 0));
    }
    const byName = new Map(models.map((model) => [model.name, model]));
    while (this.#rows.length > models.length) this.#rows.pop()?.element.remove();
    while (this.#rows.length < models.length) this.#add();
    this.#order.forEach((name, index) => {
      const model = byName.get(name);
      if (model !== undefined) this.#rows[index]?.show(model);
    });
  }

  /** The worst condition of the last seconds, so a row does not change its place with every frame. */
  #rankOf({ name, verdict }: LimiterModel, now: number): number {
    const rank = CONDITIONS.indexOf(verdict.condition);
    const worst = this.#worst.get(name);
    if (worst !== undefined && worst.rank < rank && now - worst.at < CALM_MS) return worst.rank;
    this.#worst.set(name, { rank, at: now });
    return rank;
  }

  #add(): void {
    const row = new Row(this.#open);
    this.#rows.push(row);
    this.#body.append(row.element);
  }
}

class Row {
  readonly element: HTMLTableRowElement;
  readonly #name = element('bdi');
  readonly #verdict = element('span', { className: 'verdict' });
  readonly #fill = element('span', { className: 'fill' });
  readonly #use = element('span', { className: 'use-text' });
  readonly #cells = LABELS.map((label) => cellOf(label));
  #model: LimiterModel | undefined;

  constructor(open: (name: string) => void) {
    const button = element('button', {
      type: 'button',
      onclick: () => {
        if (this.#model !== undefined) open(this.#model.name);
      },
    });
    button.append(this.#name);
    const bar = element('span', { className: 'bar' }, this.#fill);
    this.element = element(
      'tr',
      {},
      element('th', { scope: 'row' }, button, this.#verdict),
      element('td', { className: 'use' }, bar, this.#use),
      ...this.#cells,
    );
  }

  show(model: LimiterModel): void {
    this.#model = model;
    const { frame, verdict } = model;
    const { permits, waiting, wait, holdP50Ms, keys, fleet } = frame;
    // The limit of a fleet is for all processes together, so their permits are compared with it.
    const held = fleet?.held ?? frame.held;
    this.element.dataset['condition'] = verdict.condition;
    setText(this.#name, visible(model.name));
    setText(this.#verdict, verdict.short);
    const share = permits === undefined ? 0 : Math.min(1, held / Math.max(1, permits));
    this.#fill.style.inlineSize = `${Math.round(share * 100)}%`;
    this.element.classList.toggle('keyed', permits === undefined);
    const limit = permits === undefined ? `in ${count(keys?.busy ?? 0)} keys` : `of ${count(permits)}`;
    setText(this.#use, `${count(held)} ${limit}`);
    const figures: [number | undefined, (value: number) => string][] = [
      [waiting, count],
      [verdict.rejectedRate, perSecond],
      [wait?.p99Ms, duration],
      [holdP50Ms, duration],
    ];
    figures.forEach(([value, format], index) => {
      const cell = this.#cells[index];
      if (cell === undefined) return;
      setText(cell, value === undefined ? '–' : format(value));
      cell.classList.toggle('zero', (value ?? 0) === 0);
    });
  }
}

/** Headings of the last columns. On a phone each cell shows its own. */
const LABELS = ['Queued', 'Rejected', 'Wait p99', 'Hold p50'];

function cellOf(label: string): HTMLTableCellElement {
  const cell = element('td');
  cell.dataset['label'] = label;
  return cell;
}
