import { EventLoop } from './event-loop.js';
import type { Random } from './random.js';
import type { SimClock } from './sim-clock.js';

/** Mean processor time that a served request takes, without the time to read it, in milliseconds. */
export const WORK_MS = 0.92;
/** Processor time to read a request, and to answer it when it is rejected, in milliseconds. Measured under Node 20. */
export const REJECTION_MS = 0.07;
/** Mean latency of the dependency, in milliseconds. */
export const DEPENDENCY_MS = 20;

/** How the dependency behaves. */
export interface Dependency {
  /** Latency of one call, in milliseconds. The default is 20 ms plus or minus a fifth. */
  readonly latencyMs?: (random: Random) => number;
  /** Number of calls that it works on at once; the others wait. The default is no limit. */
  readonly places?: number;
  /** True when each call fails after 1 ms. */
  readonly isFailing?: boolean;
}

/**
 * A process with one thread, and a dependency. A request takes half of its work before the call of the dependency and
 * half after it. Work that has begun goes on when the client leaves, as handlers do.
 */
export class Service {
  readonly loop: EventLoop;
  readonly #random: Random;
  readonly #backend: Backend;

  /** `backend` serves other processes, too. */
  constructor(clock: SimClock, random: Random, backend: Backend) {
    this.#random = random;
    this.#backend = backend;
    this.loop = new EventLoop(clock);
  }

  /** Reads a request, then calls `done`. */
  read(done: () => void): void {
    this.loop.push(REJECTION_MS, done);
  }

  /** Serves a request, then calls `done` with its success. */
  serve(hasWaited: boolean, done: (isSuccess: boolean) => void): void {
    const halfMs = (WORK_MS / 2) * (0.5 + this.#random.next());
    const callBackend = (): void => {
      this.#backend.call(() => {
        this.loop.push(halfMs, () => {
          done(this.#backend.dependency.isFailing !== true);
        });
      });
    };
    if (hasWaited && this.loop.hasFreshTurns) this.loop.startFresh(halfMs, callBackend);
    else this.loop.continue(halfMs, callBackend);
  }
}

/** The server that one or more processes depend on. */
export class Backend {
  readonly #clock: SimClock;
  readonly #random: Random;
  #calls = 0;
  readonly #waitingCalls: (() => void)[] = [];
  dependency: Dependency = {};

  constructor(clock: SimClock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Works on a call, then calls `done`. */
  call(done: () => void): void {
    const { isFailing = false, latencyMs = usualLatencyMs } = this.dependency;
    if (isFailing) {
      this.#clock.schedule(1, done);
      return;
    }
    if (this.#calls >= this.#places()) {
      this.#waitingCalls.push(done);
      return;
    }
    this.#calls++;
    this.#clock.schedule(latencyMs(this.#random), () => {
      this.#calls--;
      this.#startWaitingCalls();
      done();
    });
  }

  #startWaitingCalls(): void {
    for (let count = this.#waitingCalls.length; count > 0 && this.#calls < this.#places(); count--) {
      const done = this.#waitingCalls.shift();
      if (done !== undefined) this.call(done);
    }
  }

  #places(): number {
    return this.dependency.places ?? Infinity;
  }
}

/** The default latency of the dependency. */
export function usualLatencyMs(random: Random): number {
  return DEPENDENCY_MS * (0.8 + 0.4 * random.next());
}
