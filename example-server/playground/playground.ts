import { setTimeout } from 'node:timers/promises';
import type { Limiter, Middleware } from 'express-semaphore';
import { ORDER_NAMES } from '../../lib/orders/index.js';
import type { OrderName } from '../../lib/orders/index.js';
import { CAPACITY, createLimiter, KINDS } from './kinds.js';
import type { Kind } from './kinds.js';
import type { LoadReport } from './load-generator.js';
import { Load } from './load.js';

/** Everything that the page of the playground shows. */
export interface PlaygroundState {
  /** Grows with each change. The page ignores a state that is older than its own last change. */
  readonly revision: number;
  readonly isOn: boolean;
  readonly arrivals: number;
  readonly serviceMs: number;
  readonly kind: Kind;
  readonly order: OrderName;
  readonly kinds: readonly Kind[];
  readonly orders: readonly OrderName[];
  readonly lastSecond: LoadReport;
}

/** A service with a limit and load on it. Its page changes both while they run. */
export class Playground {
  /** Port of the server that serves it. Without a port the load has no target. */
  port: number | undefined;
  readonly #load = new Load();
  #revision = 0;
  #arrivals = 60;
  #serviceMs = 100;
  #kind: Kind = 'unbounded queue';
  #order: OrderName = 'fifo';
  #limitedBy = createLimiter(this.#kind, this.#order);
  #running = 0;

  get limiter(): Limiter {
    return this.#limitedBy.limiter;
  }

  get state(): PlaygroundState {
    return {
      revision: this.#revision,
      isOn: this.#load.isOn,
      arrivals: this.#arrivals,
      serviceMs: this.#serviceMs,
      kind: this.#kind,
      order: this.#order,
      kinds: KINDS,
      orders: ORDER_NAMES,
      lastSecond: this.#load.report,
    };
  }

  /** The middleware of the current limiter. */
  readonly limit: Middleware = (req, res, next) => {
    this.#limitedBy.limit(req, res, next);
  };

  /** Stands in for the work of a request. The service gets slower above its capacity. */
  async serve(): Promise<void> {
    this.#running++;
    try {
      await setTimeout(this.#serviceMs * Math.max(1, this.#running / CAPACITY));
    } finally {
      this.#running--;
    }
  }

  /**
   * Applies a change from the page.
   *
   * @throws `TypeError` or `RangeError` for a bad value. Nothing has changed then.
   */
  change(change: unknown): void {
    const old = this.state;
    const { isOn, arrivals, serviceMs, kind, order } = { ...old, ...objectOf(change) };
    if (typeof isOn !== 'boolean') throw new TypeError('isOn must be true or false');
    const rate = integerOf('arrivals', arrivals, 5, 200);
    const ms = integerOf('serviceMs', serviceMs, 10, 1_000);
    const [newKind, newOrder] = [oneOf('kind', kind, KINDS), oneOf('order', order, ORDER_NAMES)];

    this.#revision++;
    this.#arrivals = rate;
    this.#serviceMs = ms;
    if (newKind !== old.kind || newOrder !== old.order) this.#replaceLimiter(newKind, newOrder);
    if (isOn) this.#sendLoad();
    else this.#load.stop();
  }

  close(reason?: unknown): void {
    this.#load.stop();
    this.limiter.close(reason);
  }

  /** Resolves when no permit is held and the load generator has ended. */
  async idle(): Promise<void> {
    await Promise.all([this.limiter.idle(), this.#load.ended]);
  }

  #sendLoad(): void {
    if (this.port === undefined) throw new Error('the playground has no server to send requests to');
    this.#load.start({ port: this.port, rate: this.#arrivals });
  }

  #replaceLimiter(kind: Kind, order: OrderName): void {
    this.limiter.close('replaced');
    this.#kind = kind;
    this.#order = order;
    this.#limitedBy = createLimiter(kind, order);
  }
}

function objectOf(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw new TypeError('the change must be an object');
  return { ...value };
}

function integerOf(name: string, value: unknown, min: number, max: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
  throw new RangeError(`${name} must be an integer from ${min} to ${max}`);
}

function oneOf<Choice>(name: string, value: unknown, choices: readonly Choice[]): Choice {
  const found = choices.find((choice) => choice === value);
  if (found === undefined) throw new RangeError(`${name} must be one of ${choices.join(', ')}`);
  return found;
}
