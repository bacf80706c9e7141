import { availableParallelism, loadavg } from 'node:os';

/** Delay of a timer that shows that a process did not get the processor in time, in milliseconds. */
const MAX_DELAY_MS = 200;

/** Load average per core that shows that processes queue for the processor. */
const MAX_LOAD = 3;

const PERIOD_MS = 20;

/** Watches, until it is disposed, whether the machine is too slow for a demo that depends on time. */
export class SlownessMeter implements Disposable {
  #maxDelayMs = 0;
  #maxLoad = 0;
  #due = performance.now() + PERIOD_MS;
  readonly #timer = setInterval(() => {
    const now = performance.now();
    this.#maxDelayMs = Math.max(this.#maxDelayMs, now - this.#due);
    this.#maxLoad = Math.max(this.#maxLoad, (loadavg()[0] ?? 0) / availableParallelism());
    this.#due = now + PERIOD_MS;
  }, PERIOD_MS);

  /** The reason why the machine was too slow, `undefined` if it was not. */
  get reason(): string | undefined {
    if (this.#maxDelayMs > MAX_DELAY_MS) return `a timer was ${Math.round(this.#maxDelayMs)} ms late`;
    if (this.#maxLoad > MAX_LOAD) return `the load average was ${this.#maxLoad.toFixed(1)} a core`;
    return undefined;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
