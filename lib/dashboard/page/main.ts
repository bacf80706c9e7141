import type { Frame } from '../frame.js';
import { Controls } from './controls.js';
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
const controls = new Controls(byId('controls'), send);

byId('host').textContent = location.host;
const feed = new Feed(`${base}events`, showFrame, showState);
pause.onclick = () => {
  feed.isPaused = !feed.isPaused;
  pause.ariaPressed = String(feed.isPaused);
};

function showFrame({ at, limiters: frames, controls: controlFrames }: Frame, isFirst: boolean): void {
  controls.show(controlFrames);
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

/** What a screen reader is told of: who is refusing, when that changes, and not each figure. */
function showNews(verdicts: readonly (Verdict & { name: string })[]): void {
  const refusing = verdicts.filter(({ condition }) => condition === 'refusing').map(({ name }) => name);
  setText(news, refusing.length === 0 ? '' : `${refusing.join(', ')} refusing`);
  document.title = refusing.length === 0 ? 'Limiters' : `● ${refusing.join(', ')} refusing`;
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

function send(id: string, value: string): void {
  // Should it fail, the next frame shows the control as it is.
  fetch(`${base}controls?${new URLSearchParams({ id, value }).toString()}`, { method: 'PUT' }).catch(
    () => undefined,
  );
}
