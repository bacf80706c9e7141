/** What has become of a promise so far; it also handles a rejection, so that none goes unhandled. */
export class Watched<Value> {
  state: 'pending' | 'fulfilled' | 'rejected' = 'pending';
  #value: Value | undefined;
  #reason: unknown;

  constructor(promise: PromiseLike<Value>) {
    promise.then(
      (value) => {
        this.state = 'fulfilled';
        this.#value = value;
      },
      (reason: unknown) => {
        this.state = 'rejected';
        this.#reason = reason;
      },
    );
  }

  /** What it was fulfilled with; throws if it was not. */
  get value(): Value {
    if (this.state !== 'fulfilled')
      throw new Error(`not fulfilled but ${this.state}`, { cause: this.#reason });
    return this.#value as Value;
  }

  /** What it was rejected with; throws if it was not. */
  get reason(): unknown {
    if (this.state !== 'rejected') throw new Error(`not rejected but ${this.state}`);
    return this.#reason;
  }
}

export function watch<Value>(promise: PromiseLike<Value>): Watched<Value> {
  return new Watched(promise);
}

export function states(watched: readonly Watched<unknown>[]): string[] {
  return watched.map(({ state }) => state);
}

/** One turn of the event loop: every promise job there was has run. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
