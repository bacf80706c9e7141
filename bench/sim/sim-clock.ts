import type { Clock } from 'express-semaphore';

interface Event {
  readonly at: number;
  readonly order: number;
  fire: (() => void) | undefined;
  readonly after: (() => void) | undefined;
  /** True when promise jobs must run after it. */
  readonly settles: boolean;
}

/**
 * Simulated time. It jumps from event to event; events of the same time fire in the order of their creation.
 *
 * The limiters under test are the real classes and resolve real promises. So all promise jobs run before the next event:
 * a grant happens at the simulated time of the release.
 */
export class SimClock implements Clock {
  readonly #heap: Event[] = [];
  #now = 0;
  #order = 0;
  #mustSettle = false;

  now(): number {
    return this.#now;
  }

  setTimer(fire: () => void, delayMs: number): Event {
    return this.#add(delayMs, fire, undefined, true);
  }

  clearTimer(timer: unknown): void {
    if (timer !== undefined) (timer as Event).fire = undefined;
  }

  /**
   * Calls `fire` after `delayMs`, then `after`. When `fire` calls `settle`, promise jobs run in between. This costs much
   * less than a timer.
   */
  schedule(delayMs: number, fire: () => void, after?: () => void): Event {
    return this.#add(delayMs, fire, after, false);
  }

  /** Makes promise jobs run after the current event. */
  settle(): void {
    this.#mustSettle = true;
  }

  /** Advances the time to `endMs`. */
  async runUntil(endMs: number): Promise<void> {
    for (let event = this.#heap[0]; event !== undefined && event.at <= endMs; event = this.#heap[0]) {
      this.#pop();
      if (event.fire === undefined) continue;
      this.#now = event.at;
      event.fire();
      if (event.settles || this.#mustSettle) {
        this.#mustSettle = false;
        // `nextTick` fires when no promise job is left.
        await new Promise<void>((resolve) => {
          process.nextTick(resolve);
        });
      }
      event.after?.();
    }
    this.#now = endMs;
  }

  #add(delayMs: number, fire: () => void, after: (() => void) | undefined, settles: boolean): Event {
    const event = { at: this.#now + delayMs, order: this.#order++, fire, after, settles };
    this.#push(event);
    return event;
  }

  #push(event: Event): void {
    let place = this.#heap.push(event) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!this.#swapIfLater(parent, place)) return;
      place = parent;
    }
  }

  #pop(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    for (let place = 0; ;) {
      const left = 2 * place + 1;
      const child = this.#isLater(left, left + 1) ? left + 1 : left;
      if (!this.#swapIfLater(place, child)) return;
      place = child;
    }
  }

  #swapIfLater(place: number, other: number): boolean {
    const [a, b] = [this.#heap[place], this.#heap[other]];
    if (a === undefined || b === undefined || !this.#isLater(place, other)) return false;
    this.#heap[place] = b;
    this.#heap[other] = a;
    return true;
  }

  #isLater(place: number, other: number): boolean {
    const [a, b] = [this.#heap[place], this.#heap[other]];
    return a !== undefined && b !== undefined && (a.at > b.at || (a.at === b.at && a.order > b.order));
  }
}
