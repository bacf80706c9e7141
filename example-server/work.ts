import { setTimeout } from 'node:timers/promises';

/** How many handlers are at the same work, counted by themselves and not by a limiter. */
export interface Concurrency {
  running: number;
  highest: number;
}

/** Stands in for the database: it waits, and counts how many wait at once. */
export class Work {
  readonly #service: (name: string) => Promise<unknown>;
  readonly #concurrency: Record<string, Concurrency> = {};

  /** `service` is what one piece of work waits for. @defaultValue 100 milliseconds */
  constructor(service: (name: string) => Promise<unknown> = () => setTimeout(100)) {
    this.#service = service;
  }

  get concurrency(): Readonly<Record<string, Readonly<Concurrency>>> {
    return this.#concurrency;
  }

  async do(name: string): Promise<void> {
    const count = (this.#concurrency[name] ??= { running: 0, highest: 0 });
    count.running++;
    count.highest = Math.max(count.highest, count.running);
    try {
      await this.#service(name);
    } finally {
      count.running--;
    }
  }
}
