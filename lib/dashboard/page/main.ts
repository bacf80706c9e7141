import type { Frame } from '../frame.js';
import { byId, element, setText } from './element.js';
import { Feed } from './feed.js';
import type { FeedState } from './feed.js';
import type { Verdict } from './judge.js';
import { LimiterCard } from './limiter-card.js';

const base = `${location.pathname.replace(/\/$/, '')}/`;
const limiters = byId('limiters');
const news = byId('news');
const feedState = byId('feed');
const pause = byId('pause');
const cards = new Map<string, LimiterCard>();

byId('host').textContent = location.host;
const feed = new Feed(`${base}events`, showFrame, showState);
pause.onclick = () => {
  feed.isPaused = !feed.isPaused;
  pause.ariaPressed = String(feed.isPaused);
};

function showFrame({ at, limiters: frames }: Frame, isFirst: boolean): void {
  if (frames.length === 0)
    limiters.replaceChildren(element('p', { className: 'empty' }, 'No limiter is shown.'));
  const verdicts = frames.map((frame) => {
    let card = cards.get(frame.name);
    if (card === undefined) {
      card = new LimiterCard(frame);
      cards.set(frame.name, card);
      limiters.append(card.element);
    }
    return { name: frame.name, ...card.show(frame, at / 1_000, isFirst) };
  });
  showNews(verdicts);
}

/** Announces the limiters that reject calls, for screen readers. It changes only when that list changes. */
function showNews(verdicts: readonly (Verdict & { name: string })[]): void {
  const rejecting = verdicts.filter(({ condition }) => condition === 'rejecting').map(({ name }) => name);
  setText(news, rejecting.length === 0 ? '' : `${rejecting.join(', ')} rejecting`);
  document.title = rejecting.length === 0 ? 'Limiters' : `● ${rejecting.join(', ')} rejecting`;
}

let goneSince: string | undefined;

function showState(state: FeedState): void {
  goneSince = state === 'gone' ? (goneSince ?? new Date().toLocaleTimeString()) : undefined;
  feedState.dataset['state'] = document.body.dataset['feed'] = state;
  setText(
    feedState,
    {
      connecting: 'Connecting…',
      live: 'Live',
      paused: 'Paused',
      gone: `The server has been gone since ${goneSince ?? ''}. Trying again…`,
    }[state],
  );
}
