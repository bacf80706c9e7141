import type { Clock } from 'express-semaphore';
import type { EventLoopLoad } from 'express-semaphore/adaptive';
import type { Random } from './random.js';

/** Processor time that a request takes, on the average, in milliseconds. */
export const CPU_MS = 1;
/** Processor time that it takes to read a request and to refuse it, in milliseconds. */
export const REFUSAL_MS = 0.01;
/** How long the dependency takes, on the average, in milliseconds. */
export const DEPENDENCY_MS = 20;

/** How the dependency behaves. */
export interface Dependency {
  /** Times as slow as usual. */
  readonly slowdown?: number;
  /** Fails after a millisecond. */
  readonly isRefusing?: boolean;
  /** One in so many takes ten times as long. */
  readonly tail?: number;
  /** It answers at most so many at once; the others wait. */
  readonly places?: number;
}

/**
 * A process with one thread and a dependency. The thread does one thing at a time, first come first served; work that it
 * has begun it finishes, whether or not the client still waits, as handlers do.
 */
export class Service implements EventLoopLoad {
  readonly #clock: Clock;
  readonly #random: Random;
  #threadFreeAt = 0;
  #workMs = 0;
  #inDependency = 0;
  readonly #dependencyLine: (() => void)[] = [];
  dependency: Dependency = {};
  /** Times as slow as usual that the thread is at its work. */
  slowdown = 1;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Milliseconds in which the thread was at work so far. */
  busyMs(): number {
    return this.#workMs - Math.max(0, this.#threadFreeAt - this.#clock.now());
  }

  /** Reads a request, then calls `then`. */
  read(then: () => void): void {
    this.#onThread(REFUSAL_MS, then);
  }

  /** Works on a request, and calls `then` with whether it succeeded. */
  handle(then: (isSuccess: boolean) => void): void {
    this.#onThread(CPU_MS * (0.5 + this.#random.next()) * this.slowdown, () => {
      this.#askDependency(() => {
        then(this.dependency.isRefusing !== true);
      });
    });
  }

  #onThread(ms: number, then: () => void): void {
    const now = this.#clock.now();
    this.#workMs += ms;
    this.#threadFreeAt = Math.max(now, this.#threadFreeAt) + ms;
    this.#clock.setTimer(then, this.#threadFreeAt - now);
  }

  #askDependency(then: () => void): void {
    const { isRefusing = false, slowdown = 1, tail, places = Infinity } = this.dependency;
    if (isRefusing) {
      this.#clock.setTimer(then, 1);
      return;
    }
    if (this.#inDependency >= places) {
      this.#dependencyLine.push(() => {
        this.#askDependency(then);
      });
      return;
    }
    this.#inDependency++;
    const isTail = tail !== undefined && this.#random.next() < 1 / tail;
    const ms = DEPENDENCY_MS * (0.8 + 0.4 * this.#random.next()) * slowdown * (isTail ? 10 : 1);
    this.#clock.setTimer(() => {
      this.#inDependency--;
      this.#dependencyLine.shift()?.();
      then();
    }, ms);
  }
}
