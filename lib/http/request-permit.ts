import { dispose } from '../internal/dispose.js';
import type { Outcome, Permit } from '../core/limiter.js';

/** A permit as a request's handler sees it: its signal also aborts when the client has gone. */
export class RequestPermit implements Permit {
  readonly #client: { readonly signal: AbortSignal };
  readonly #source: object;
  readonly #key: string;
  readonly #permit: Permit;
  #signal: AbortSignal | undefined;

  constructor(client: { readonly signal: AbortSignal }, source: object, key: string, permit: Permit) {
    this.#client = client;
    this.#source = source;
    this.#key = key;
    this.#permit = permit;
  }

  get weight(): number {
    return this.#permit.weight;
  }

  get signal(): AbortSignal {
    return (this.#signal ??= anySignal(this.#client.signal, this.#permit.signal));
  }

  release(outcome?: Outcome): void {
    this.#permit.release(outcome);
  }

  hold(work: PromiseLike<unknown>): void {
    this.#permit.hold(work);
  }

  [dispose](): void {
    this.release();
  }

  /** Whether it was taken from `source`, for `key`; what is not given is not asked. */
  isOf(source: object | undefined, key: string | undefined): boolean {
    return (source === undefined || source === this.#source) && (key === undefined || key === this.#key);
  }
}

/** As `AbortSignal.any`, which the first releases of Node 20 lack. Both signals live no longer than the request. */
function anySignal(...signals: AbortSignal[]): AbortSignal {
  const controller = new AbortController();
  for (const signal of signals) {
    const follow = () => {
      controller.abort(signal.reason);
    };
    if (signal.aborted) follow();
    else signal.addEventListener('abort', follow, { once: true, signal: controller.signal });
  }
  return controller.signal;
}
