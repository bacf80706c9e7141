export { settle as turn } from '../../lib/testing';

/** Shows the state of a promise synchronously. It handles a rejection, so that none is unhandled. */
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

  /** The value. @throws `Error` unless the promise is fulfilled. */
  get value(): Value {
    if (this.state !== 'fulfilled')
      throw new Error(`not fulfilled but ${this.state}`, { cause: this.#reason });
    return this.#value as Value;
  }

  /** The reason. @throws `Error` unless the promise is rejected. */
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
