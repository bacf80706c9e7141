/** Tells those who asked when a limiter falls idle. Nobody is told twice, and nothing is made while nobody asks. */
export class IdleNotice {
  #asked: (() => void)[] = [];

  /** Resolves at once if `isIdle`, else at the next `give`. */
  wait(isIdle: boolean): Promise<void> {
    return isIdle ? Promise.resolve() : new Promise((resolve) => this.#asked.push(resolve));
  }

  give(): void {
    if (this.#asked.length === 0) return;
    for (const resolve of this.#asked.splice(0)) resolve();
  }
}
