import type { Report } from './report';

/** Handlers at work, counted by themselves and not by a limiter. */
export class HandlerCount {
  readonly handlers: Record<string, { running: number; highest: number }> = {};

  begin(name: string): void {
    const count = (this.handlers[name] ??= { running: 0, highest: 0 });
    count.running++;
    count.highest = Math.max(count.highest, count.running);
  }

  end(name: string): void {
    const count = this.handlers[name];
    if (count !== undefined) count.running--;
  }

  async during(name: string, work: () => Promise<unknown>): Promise<void> {
    this.begin(name);
    try {
      await work();
    } finally {
      this.end(name);
    }
  }
}

/** Handlers that are at work, all in all. */
export function runningIn(handlers: Report['handlers']): number {
  return Object.values(handlers).reduce((sum, { running }) => sum + running, 0);
}
