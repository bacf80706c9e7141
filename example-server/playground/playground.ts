import { setTimeout } from 'node:timers/promises';
import type { Limiter, Middleware } from 'express-semaphore';
import type { Control } from 'express-semaphore/dashboard';
import { CAPACITY, KINDS, makeGate, ORDERS } from './kinds.js';
import type { Kind, PlaygroundOrder } from './kinds.js';
import { Load } from './load.js';

/** A service with a limit, and load on it, to be played with on the dashboard's page. */
export class Playground {
  /** The port of the server that serves it; without one there is nowhere to send requests. */
  port: number | undefined;
  readonly #load = new Load();
  #kind: Kind = 'unbounded queue';
  #order: PlaygroundOrder = 'fifo';
  #gate = makeGate(this.#kind, this.#order);
  #arrivals = 60;
  #serviceMs = 100;
  #running = 0;

  get limiter(): Limiter {
    return this.#gate.limiter;
  }

  /** As `limit` for the limiter that there is now. */
  readonly limit: Middleware = (req, res, next) => {
    this.#gate.limit(req, res, next);
  };

  /** Stands in for the work of a request: with more than it can do at once, the service gets slower. */
  async serve(): Promise<void> {
    this.#running++;
    try {
      await setTimeout(this.#serviceMs * Math.max(1, this.#running / CAPACITY));
    } finally {
      this.#running--;
    }
  }

  close(reason?: unknown): void {
    this.#load.stop();
    this.limiter.close(reason);
  }

  idle(): Promise<void> {
    return this.limiter.idle();
  }

  /** What a viewer of the dashboard can do. */
  readonly controls: Readonly<Record<string, Control>> = {
    load: {
      type: 'switch',
      label: 'Send requests, for two minutes',
      get: () => this.#load.isOn,
      set: (isOn) => {
        if (isOn) this.#send();
        else this.#load.stop();
      },
    },
    arrivals: {
      type: 'range',
      label: 'Arrivals',
      unit: '/s',
      min: 5,
      max: 200,
      step: 5,
      get: () => this.#arrivals,
      set: (arrivals) => {
        this.#arrivals = arrivals;
        if (this.#load.isOn) this.#send();
      },
    },
    service: {
      type: 'range',
      label: `Service time, ${CAPACITY} at once`,
      unit: ' ms',
      min: 10,
      max: 1_000,
      step: 10,
      get: () => this.#serviceMs,
      set: (serviceMs) => (this.#serviceMs = serviceMs),
    },
    double: {
      type: 'button',
      label: 'Double the service time',
      press: () => (this.#serviceMs = Math.min(1_000, 2 * this.#serviceMs)),
    },
    kind: choice('Limiter', KINDS, {
      get: () => this.#kind,
      set: (kind) => {
        this.#kind = kind;
        this.#replaceGate();
      },
    }),
    order: choice('Order of the line', ORDERS, {
      get: () => this.#order,
      set: (order) => {
        this.#order = order;
        this.#replaceGate();
      },
    }),
    served: {
      type: 'reading',
      label: 'Served within a second',
      get: () => `${this.#load.report.served} of ${this.#load.report.sent}/s`,
    },
    gaveUp: { type: 'reading', label: 'Gave up after a second', get: () => `${this.#load.report.gaveUp}/s` },
  };

  #send(): void {
    if (this.port === undefined) throw new Error('the playground has no server to send requests to');
    this.#load.start({ port: this.port, rate: this.#arrivals });
  }

  #replaceGate(): void {
    this.limiter.close('replaced');
    this.#gate = makeGate(this.#kind, this.#order);
  }
}

function choice<Choice extends string>(
  label: string,
  choices: readonly Choice[],
  { get, set }: { get: () => Choice; set: (value: Choice) => void },
): Control {
  return {
    type: 'choice',
    label,
    choices,
    get,
    set: (value) => {
      const found = choices.find((each) => each === value);
      if (found !== undefined) set(found);
    },
  };
}
