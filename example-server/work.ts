import { setTimeout } from 'node:timers/promises';

/** How many handlers are at the same work, counted by themselves and not by a limiter. */
export interface Concurrency {
  running: number;
  highest: number;
}

/** Stands in for the database: it waits, and counts how many wait at once. */
export class Work {
  /** How long one piece takes, in milliseconds. */
  serviceMs: number;
  readonly #service: (name: string, ms: number) => Promise<unknown>;
  readonly #concurrency: Record<string, Concurrency> = {};

  /** `service` is what one piece of work waits for. @defaultValue `serviceMs`, which is 100 */
  constructor(service: (name: string, ms: number) => Promise<unknown> = sleep, serviceMs = 100) {
    this.#service = service;
    this.serviceMs = serviceMs;
  }

  get concurrency(): Readonly<Record<string, Readonly<Concurrency>>> {
    return this.#concurrency;
  }

  async do(name: string): Promise<void> {
    const count = (this.#concurrency[name] ??= { running: 0, highest: 0 });
    count.running++;
    count.highest = Math.max(count.highest, count.running);
    try {
      await this.#service(name, this.serviceMs);
    } finally {
      count.running--;
    }
  }
}

function sleep(_name: string, ms: number): Promise<unknown> {
  return setTimeout(ms);
}
