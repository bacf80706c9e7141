import { Semaphore } from 'express-semaphore';
import { FakeClock } from 'express-semaphore/testing';

/** What a host is doing. */
export interface State {
  readonly held: number;
  readonly waiting: number;
  /** What is worked on. */
  readonly running: readonly string[];
  /** What work was begun on, in that order. */
  readonly begun: readonly string[];
  /** The most that was worked on at once. */
  readonly most: number;
}

/** What a host's handler does, for as long as the test says, and the semaphore that limits it. */
export class Run {
  readonly semaphore: Semaphore;
  readonly #clock = new FakeClock();
  readonly #running = new Map<string, Work>();
  readonly #begun: string[] = [];
  #most = 0;

  constructor(permits: number, queueLimit: number) {
    this.semaphore = new Semaphore(permits, { queueLimit, clock: this.#clock });
  }

  /** Works on a request, until `end`. */
  work(url: string): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#running.set(url, { resolve, reject });
      this.#begun.push(url);
      this.#most = Math.max(this.#most, this.#running.size);
    });
  }

  end(url: string, fails: boolean): void {
    const work = this.#running.get(url);
    if (work === undefined) throw new Error(`nobody works on ${url}`);
    this.#running.delete(url);
    if (fails) work.reject(new Error('the work failed'));
    else work.resolve(`worked on ${url}`);
  }

  /** Advances the semaphore's clock, which nothing else moves. */
  pass(ms: number): void {
    this.#clock.advance(ms);
  }

  state(): State {
    const { held, waiting } = this.semaphore;
    return { held, waiting, running: [...this.#running.keys()], begun: this.#begun, most: this.#most };
  }
}

interface Work {
  readonly resolve: (text: string) => void;
  readonly reject: (error: Error) => void;
}
