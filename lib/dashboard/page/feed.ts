import type { Frame, History } from '../frame.js';

/** State of the connection to the server. */
export type FeedState = 'connecting' | 'live' | 'paused' | 'gone' | 'denied';

/** Time between attempts to reach a server that is gone, in milliseconds. */
const RETRY_MS = 1_000;

/** A stream without a frame for this long is dead, whatever the state of its connection, in milliseconds. */
const SILENCE_MS = 5_000;

/** Receives what the feed gets. */
export interface FeedListener {
  /** Called for each frame. `isFirst` means that frames before it may be missing. */
  onFrame(frame: Frame, isFirst: boolean): void;
  onHistory(history: History): void;
  onState(state: FeedState): void;
}

/** The stream of frames. It stops while the page is hidden or paused, and reconnects when the server was gone. */
export class Feed {
  /** Address of the page, with a slash at its end. */
  readonly #base: string;
  readonly #listener: FeedListener;
  #source: EventSource | undefined;
  #timer: number | undefined;
  #isPaused = false;
  #isFirst = true;

  constructor(base: string, listener: FeedListener) {
    this.#base = base;
    this.#listener = listener;
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
    this.#listener.onState(state);
    this.#isFirst = true;
    this.#connect();
  }

  #connect(): void {
    this.#source = new EventSource(`${this.#base}events`);
    this.#source.onmessage = this.#receive;
    this.#source.onerror = this.#lose;
    this.#source.addEventListener('renew', this.#renew);
    this.#wait(SILENCE_MS, this.#lose);
  }

  readonly #receive = (message: MessageEvent<string>): void => {
    this.#wait(SILENCE_MS, this.#lose);
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    if (isFirst) {
      this.#listener.onState('live');
      void this.#fetchHistory();
    }
    this.#listener.onFrame(JSON.parse(message.data) as Frame, isFirst);
  };

  /** The server ends each stream after some seconds and authorizes the next request again. */
  readonly #renew = (): void => {
    this.#source?.close();
    this.#connect();
  };

  /** Not every browser reconnects after every failure, so the page does it. */
  readonly #lose = (): void => {
    this.#stop('gone');
    this.#wait(RETRY_MS, () => {
      void this.#reopen();
    });
  };

  /** An `EventSource` does not tell the status of an answer, so a plain request gets it. */
  async #reopen(): Promise<void> {
    const status = await fetch(this.#base, { method: 'HEAD' }).then(
      (response) => response.status,
      () => 0,
    );
    if (this.#isPaused || document.hidden || this.#source !== undefined) return;
    if (status === 200) this.#open('gone');
    else {
      this.#listener.onState(status === 401 || status === 403 ? 'denied' : 'gone');
      this.#wait(RETRY_MS, () => {
        void this.#reopen();
      });
    }
  }

  async #fetchHistory(): Promise<void> {
    try {
      const response = await fetch(`${this.#base}history`);
      if (response.ok) this.#listener.onHistory((await response.json()) as History);
    } catch {
      // The plots then begin with the first frame. The stream reports that the server is gone.
    }
  }

  #stop(state: FeedState): void {
    window.clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = undefined;
    this.#listener.onState(state);
  }

  #wait(ms: number, then: () => void): void {
    window.clearTimeout(this.#timer);
    this.#timer = window.setTimeout(then, ms);
  }
}
