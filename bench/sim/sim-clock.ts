import type { Clock } from 'express-semaphore';

interface Event {
  readonly at: number;
  readonly turn: number;
  fire: (() => void) | undefined;
}

/**
 * Simulated time: it jumps from event to event, the earliest first, and among those of one moment as they were made.
 *
 * The limiters under test are the real ones and resolve real promises, so between two events all promise jobs are run:
 * a grant and what its waiter does happen at the simulated moment of the release.
 */
export class SimClock implements Clock {
  readonly #heap: Event[] = [];
  #now = 0;
  #turn = 0;

  now(): number {
    return this.#now;
  }

  setTimer(fire: () => void, delayMs: number): Event {
    const event = { at: this.#now + delayMs, turn: this.#turn++, fire };
    this.#push(event);
    return event;
  }

  clearTimer(timer: unknown): void {
    (timer as Event).fire = undefined;
  }

  /** Lets time pass until `endMs`. */
  async runUntil(endMs: number): Promise<void> {
    for (let event = this.#heap[0]; event !== undefined && event.at <= endMs; event = this.#heap[0]) {
      this.#pop();
      if (event.fire === undefined) continue;
      this.#now = event.at;
      event.fire();
      // A tick comes only when no promise job is left.
      await new Promise<void>((resolve) => {
        process.nextTick(resolve);
      });
    }
    this.#now = endMs;
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
    return a !== undefined && b !== undefined && (a.at > b.at || (a.at === b.at && a.turn > b.turn));
  }
}
