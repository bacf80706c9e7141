/** Numbers that look random and come again from the same seed. */
export class Random {
  readonly seed: number;
  #state: number;

  constructor(seed: number) {
    this.seed = seed;
    this.#state = seed | 0;
  }

  /** From 0 up to, but not including, 1. Source: mulberry32 by T. Ettinger, public domain. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let bits = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from `min` to `max`. */
  integer(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  /** One of `items`, in a list of its own; an empty list of none. */
  pick<Item>(items: readonly Item[]): Item[] {
    return items.slice(this.integer(0, items.length - 1)).slice(0, 1);
  }

  /** The time until the next of events that come independently of one another, `mean` apart on the average. */
  exponential(mean: number): number {
    return -mean * Math.log(1 - this.next());
  }
}
