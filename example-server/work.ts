import { setTimeout } from 'node:timers/promises';

/** Number of handlers that do the same work. The handlers count themselves, independently of the limiter. */
export interface Concurrency {
  running: number;
  highest: number;
}

/** Stands in for the database: it waits, and counts how many handlers wait at once. */
export class Work {
  /** Duration of one piece of work, in milliseconds. */
  serviceMs: number;
  readonly #service: (name: string, ms: number) => Promise<unknown>;
  readonly #concurrency: Record<string, Concurrency> = {};

  /** `service` does one piece of work. By default it waits for `serviceMs`. */
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
