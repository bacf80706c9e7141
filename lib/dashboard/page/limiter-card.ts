import type { LimiterFrame } from '../frame.js';
import { element, setText } from './element.js';
import { count, duration, perSecond, visible } from './format.js';
import { rejections } from './judge.js';
import { KeysTable } from './keys-table.js';
import type { LimiterModel } from './limiter.js';
import { Panel } from './panel.js';

/** A limiter is idle when no call has waited or was rejected for this long, in seconds. */
const IDLE_S = 60;

/** The card of one limiter: its verdict and, while it is open, its figures with plots and its busiest keys. */
export class LimiterCard {
  readonly element: HTMLElement;
  readonly #details: HTMLDetailsElement;
  readonly #verdict = element('span', { className: 'verdict' });
  readonly #model: LimiterModel;
  #body: Body | undefined;
  #isChosen = false;

  constructor(model: LimiterModel) {
    this.#model = model;
    const heading = element('h2', {}, element('bdi', { textContent: visible(model.name) }));
    const summary = element('summary', {}, heading, this.#verdict);
    // From the first click on, the viewer alone decides whether the card is open.
    summary.onclick = () => {
      this.#isChosen = true;
    };
    this.#details = element('details', {}, summary);
    this.#details.ontoggle = () => {
      this.#fill();
    };
    this.element = element('section', { className: 'limiter' }, this.#details);
    this.element.ariaLabel = visible(model.name);
  }

  /** Opens the card for a viewer who has asked for it. */
  open(): void {
    this.#isChosen = true;
    this.#details.open = true;
    this.element.scrollIntoView({ block: 'start' });
    this.#details.querySelector('summary')?.focus({ preventScroll: true });
  }

  /** Shows the newest frame. `isOneOfFew` and `isFirst` open the card where nothing can be pushed out of sight. */
  show(isFirst: boolean, isOneOfFew: boolean): void {
    const { verdict } = this.#model;
    this.element.dataset['condition'] = verdict.condition;
    setText(this.#verdict, verdict.text);
    const mayToggle = !this.#isChosen && (isFirst || this.#isBelowView);
    if (mayToggle) {
      this.#details.open = isOneOfFew || verdict.condition !== 'free' || this.#model.wasBusy(IDLE_S);
    }
    this.#fill();
  }

  /** A card below the view can open or close without moving anything that the viewer sees. */
  get #isBelowView(): boolean {
    return this.element.getBoundingClientRect().top > innerHeight;
  }

  #fill(): void {
    if (!this.#details.open) return;
    if (this.#body === undefined) {
      this.#body = new Body(this.#model);
      this.#details.append(this.#body.element);
    }
    this.#body.show();
  }
}

/** The content of an open card. A closed card has none until it is first opened. */
class Body {
  readonly element: HTMLElement;
  readonly #model: LimiterModel;
  readonly #inUse: Panel;
  readonly #queued: Panel;
  readonly #rejected: Panel;
  readonly #wait: Panel;
  readonly #hold: Panel;
  readonly #keys: KeysTable | undefined;

  constructor(model: LimiterModel) {
    this.#model = model;
    const { series } = model;
    this.#inUse = new Panel(series, {
      label: 'In use',
      curves: [
        { column: 'held', color: '--held', look: 'area' },
        { column: 'permits', color: '--muted', look: 'dashed' },
      ],
      format: count,
    });
    this.#queued = new Panel(series, {
      label: 'Queued',
      curves: [{ column: 'waiting', color: '--waiting', look: 'area' }],
      format: count,
    });
    this.#rejected = new Panel(series, {
      label: 'Rejected',
      curves: [{ column: 'rejected', color: '--rejected', look: 'area' }],
      format: perSecond,
      least: 0.1,
    });
    this.#wait = new Panel(series, {
      label: 'Wait, median',
      curves: [
        { column: 'p50', color: '--p50', look: 'line' },
        { column: 'p99', color: '--p99', look: 'line' },
      ],
      format: duration,
    });
    this.#hold = new Panel(series, {
      label: 'Hold, median',
      curves: [{ column: 'hold', color: '--p50', look: 'area' }],
      format: duration,
    });
    const panels = [this.#inUse, this.#queued, this.#rejected, this.#wait, this.#hold];
    this.element = element('div', { className: 'card-body' });
    this.element.append(element('div', { className: 'panels' }, ...panels.map((panel) => panel.element)));
    if (model.frame.keys !== undefined) {
      this.#keys = new KeysTable();
      this.element.append(element('div', { className: 'keys-scroll' }, this.#keys.element));
    }
  }

  show(): void {
    const { frame, verdict } = this.#model;
    const { held, waiting, wait, holdP50Ms, oldestHeldMs, keys } = frame;
    this.#inUse.show(count(held), limitOf(frame));
    this.#queued.show(count(waiting), `${perSecond(verdict.admittedRate)} admitted`);
    this.#rejected.show(perSecond(verdict.rejectedRate), `${count(rejections(frame))} in total`);
    if (wait === undefined) this.#wait.show('–', 'no recent wait');
    else this.#wait.show(duration(wait.p50Ms), `${duration(wait.p99Ms)} p99`);
    const oldest = oldestHeldMs === undefined ? 'none held' : `oldest ${duration(oldestHeldMs)}`;
    this.#hold.show(holdP50Ms === undefined ? '–' : duration(holdP50Ms), oldest);
    if (keys !== undefined) this.#keys?.show(keys);
  }
}

function limitOf({ permits, fleet }: LimiterFrame): string {
  if (permits === undefined) return 'in all keys';
  const limit = `of ${count(permits)}`;
  return fleet === undefined ? limit : `${limit}, fleet ${count(fleet.held)} in ${count(fleet.nodes)}`;
}
