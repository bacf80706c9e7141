import type { Frame, History } from '../frame.js';
import { byId, setText } from './element.js';
import { Feed } from './feed.js';
import type { FeedState } from './feed.js';
import { visible } from './format.js';
import { LimiterCard } from './limiter-card.js';
import { LimiterModel } from './limiter.js';
import { view } from './plot.js';
import { Strip } from './strip.js';

/** Number of limiters that are shown open whether they are busy or not. */
const FEW = 3;

const base = `${location.pathname.replace(/\/$/, '')}/`;
const news = byId('news');
const feedState = byId('feed');
const pause = byId('pause');
const empty = byId('empty');
const cardList = byId('limiters');
const filter = byId('filter') as HTMLInputElement;
const span = byId('span') as HTMLSelectElement;
const models = new Map<string, LimiterModel>();
const cards = new Map<string, LimiterCard>();
const strip = new Strip(byId('strip'), (name) => cards.get(name)?.open());

byId('host').textContent = location.host;
readHash();
addEventListener('hashchange', readHash);
filter.oninput = span.onchange = () => {
  writeHash();
  show(false);
};
const feed = new Feed(base, { onFrame, onHistory, onState });
pause.onclick = () => {
  feed.isPaused = !feed.isPaused;
  pause.ariaPressed = String(feed.isPaused);
};

function onFrame({ at, limiters }: Frame, isFirst: boolean): void {
  for (const frame of limiters) {
    let model = models.get(frame.name);
    if (model === undefined) {
      model = new LimiterModel(frame);
      models.set(frame.name, model);
      const card = new LimiterCard(model);
      cards.set(frame.name, card);
      cardList.append(card.element);
    }
    model.update(frame, at / 1_000, isFirst);
  }
  const names = new Set(limiters.map(({ name }) => name));
  for (const name of models.keys()) if (!names.has(name)) remove(name);
  show(isFirst);
}

function remove(name: string): void {
  models.delete(name);
  cards.get(name)?.element.remove();
  cards.delete(name);
}

function onHistory({ at, limiters }: History): void {
  const times = at.map((ms) => ms / 1_000);
  for (const { name, samples } of limiters) models.get(name)?.series.fill(times, samples);
  // The history arrives with the first frame, so it may still open cards.
  show(true);
}

function show(isFirst: boolean): void {
  const wanted = filter.value.trim().toLowerCase();
  const shown = [...models.values()].filter(({ name }) => visible(name).toLowerCase().includes(wanted));
  const names = new Set(shown.map(({ name }) => name));
  strip.show(shown);
  for (const [name, card] of cards) {
    card.element.hidden = !names.has(name);
    if (names.has(name)) card.show(isFirst, shown.length <= FEW);
  }
  empty.hidden = shown.length > 0;
  setText(empty, models.size === 0 ? 'There is no limiter.' : 'No limiter has a name like this.');
  showNews();
}

/** Announces the limiters that reject calls, for screen readers. It changes only when that list changes. */
function showNews(): void {
  const rejecting = [...models.values()].filter(({ verdict }) => verdict.condition === 'rejecting');
  const names = rejecting.map(({ name }) => visible(name)).join(', ');
  setText(news, names === '' ? '' : `${names} rejecting`);
  document.title = names === '' ? 'Limiters' : `● ${names} rejecting`;
}

let goneSince: string | undefined;

function onState(state: FeedState): void {
  goneSince = state === 'gone' ? (goneSince ?? new Date().toLocaleTimeString()) : undefined;
  feedState.dataset['state'] = document.body.dataset['feed'] = state;
  setText(
    feedState,
    {
      connecting: 'Connecting…',
      live: 'Live',
      paused: 'Paused',
      gone: `The server has been gone since ${goneSince ?? ''}. Trying again…`,
      denied: 'You may no longer see this page. Sign in again.',
    }[state],
  );
}

/** The filter and the span are in the address, so that a link shows the same. */
function readHash(): void {
  const hash = new URLSearchParams(location.hash.slice(1));
  filter.value = hash.get('filter') ?? '';
  const minutes = hash.get('minutes') ?? '5';
  span.value = Array.from(span.options).some(({ value }) => value === minutes) ? minutes : '5';
  view.spanS = Number(span.value) * 60;
  if (models.size > 0) show(false);
}

function writeHash(): void {
  view.spanS = Number(span.value) * 60;
  const hash = new URLSearchParams();
  if (filter.value !== '') hash.set('filter', filter.value);
  if (span.value !== '5') hash.set('minutes', span.value);
  history.replaceState(null, '', `#${hash.toString()}`);
}
