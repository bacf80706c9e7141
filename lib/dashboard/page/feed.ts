import type { Frame } from '../frame.js';

/** How the connection to the server stands. */
export type FeedState = 'connecting' | 'live' | 'paused' | 'gone';

/** Time between attempts to reach a server that is gone, in milliseconds. */
const RETRY_MS = 1_000;
/** A stream that says nothing for so long is dead, though its connection may not know it, in milliseconds. */
const SILENCE_MS = 5_000;

/** The stream of frames: it stops while nobody looks, and comes back by itself when the server was gone. */
export class Feed {
  readonly #url: string;
  readonly #onFrame: (frame: Frame, isFirst: boolean) => void;
  readonly #onState: (state: FeedState) => void;
  #source: EventSource | undefined;
  #timer: number | undefined;
  #isPaused = false;
  #isFirst = true;

  constructor(
    url: string,
    onFrame: (frame: Frame, isFirst: boolean) => void,
    onState: (state: FeedState) => void,
  ) {
    this.#url = url;
    this.#onFrame = onFrame;
    this.#onState = onState;
    document.addEventListener('visibilitychange', this.#follow);
    this.#follow();
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  set isPaused(isPaused: boolean) {
    this.#isPaused = isPaused;
    this.#follow();
  }

  readonly #follow = (): void => {
    const mayRun = !this.#isPaused && !document.hidden;
    if (mayRun && this.#source === undefined) this.#open('connecting');
    else if (!mayRun) this.#stop('paused');
  };

  #open(state: FeedState): void {
    this.#onState(state);
    this.#isFirst = true;
    this.#connect();
  }

  #connect(): void {
    this.#source = new EventSource(this.#url);
    this.#source.onmessage = this.#receive;
    this.#source.onerror = this.#lose;
    this.#source.addEventListener('renew', this.#renew);
    this.#wait(SILENCE_MS, this.#lose);
  }

  readonly #receive = (message: MessageEvent<string>): void => {
    this.#wait(SILENCE_MS, this.#lose);
    if (this.#isFirst) this.#onState('live');
    this.#onFrame(JSON.parse(message.data) as Frame, this.#isFirst);
    this.#isFirst = false;
  };

  readonly #renew = (): void => {
    const isFirst = this.#isFirst;
    this.#source?.close();
    this.#connect();
    this.#isFirst = isFirst;
  };

  /** The browser would try again by itself after some failures, but not after others. */
  readonly #lose = (): void => {
    this.#stop('gone');
    this.#wait(RETRY_MS, () => {
      this.#open('gone');
    });
  };

  #stop(state: FeedState): void {
    window.clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = undefined;
    this.#onState(state);
  }

  #wait(ms: number, then: () => void): void {
    window.clearTimeout(this.#timer);
    this.#timer = window.setTimeout(then, ms);
  }
}
