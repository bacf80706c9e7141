import type { LimiterFrame } from '../frame.js';
import { element, setText } from './element.js';
import { count, duration, perSecond } from './format.js';
import { follows, judge, rejections } from './judge.js';
import type { Verdict } from './judge.js';
import { KeysTable } from './keys-table.js';
import { Panel } from './panel.js';

/** Rates are taken over so many frames: two seconds, so that they are calm, and a refusal is seen. */
const FRAMES = 4;

/** A limiter: how it does, its figures with their plots, and its busiest keys. */
export class LimiterCard {
  readonly element: HTMLElement;
  readonly #verdict = element('p', { className: 'verdict' });
  readonly #inUse: Panel;
  readonly #queued = new Panel('Queued', [{ color: '--waiting', look: 'area' }], count);
  readonly #rejected = new Panel('Rejected', [{ color: '--rejected', look: 'area' }], perSecond, 0.1);
  readonly #wait = new Panel(
    'Wait, median',
    [
      { color: '--p50', look: 'line' },
      { color: '--p99', look: 'line' },
    ],
    duration,
  );
  readonly #keys: KeysTable | undefined;
  #past: { readonly seconds: number; readonly frame: LimiterFrame }[] = [];

  constructor(frame: LimiterFrame) {
    const heading = element('h2', { textContent: frame.name });
    this.#inUse = new Panel(
      'In use',
      [
        { color: '--held', look: 'area' },
        { color: '--muted', look: 'dashed' },
      ],
      count,
    );
    this.element = element(
      'section',
      { className: 'limiter' },
      element('header', {}, heading, this.#verdict),
      element(
        'div',
        { className: 'panels' },
        this.#inUse.element,
        this.#queued.element,
        this.#rejected.element,
        this.#wait.element,
      ),
    );
    this.element.ariaLabel = frame.name;
    if (frame.keys !== undefined) {
      this.#keys = new KeysTable();
      this.element.append(this.#keys.element);
    }
  }

  /** Shows how the limiter stands. `isFirst` says that nothing is known of the time before. */
  show(frame: LimiterFrame, seconds: number, isFirst: boolean): Verdict {
    if (isFirst || this.#past.some(({ frame: before }) => !follows(frame, before))) this.#restart(seconds);
    const before = this.#past[0] ?? { seconds, frame };
    const verdict = judge(frame, before.frame, seconds - before.seconds);
    this.#past.push({ seconds, frame });
    if (this.#past.length > FRAMES) this.#past.shift();

    this.element.dataset['condition'] = verdict.condition;
    setText(this.#verdict, verdict.text);
    this.#showFigures(frame, seconds, verdict);
    if (frame.keys !== undefined) this.#keys?.show(frame.keys);
    return verdict;
  }

  #showFigures(frame: LimiterFrame, seconds: number, { admittedRate, rejectedRate }: Verdict): void {
    const { held, permits, waiting, wait } = frame;
    const limit = permits === undefined ? '' : `of ${count(permits)}`;
    this.#inUse.show(seconds, count(held), limit, [held, permits ?? null]);
    this.#queued.show(seconds, count(waiting), `${perSecond(admittedRate)} admitted`, [waiting]);
    this.#rejected.show(seconds, perSecond(rejectedRate), `${count(rejections(frame))} in all`, [
      rejectedRate,
    ]);
    this.#wait.element.classList.toggle('two-lines', wait !== undefined);
    if (wait === undefined) this.#wait.show(seconds, '–', 'nobody waited', [null, null]);
    else {
      this.#wait.show(seconds, duration(wait.p50Ms), `${duration(wait.p99Ms)} p99`, [wait.p50Ms, wait.p99Ms]);
    }
  }

  #restart(seconds: number): void {
    this.#past = [];
    for (const panel of [this.#inUse, this.#queued, this.#rejected, this.#wait]) panel.skip(seconds);
  }
}
