/** What a process of the fleet said that it did. */
export interface FleetEvent {
  /** Which process. */
  readonly node: number;
  readonly event: 'start' | 'own' | 'end' | 'lost' | 'rejected' | 'stats' | 'unhandled' | 'done';
  readonly hold: number;
  /** On the clock that all processes of a machine share. */
  readonly ms: number;
  readonly detail: string;
}

/** A caller had a permit from `from` to `to`. */
export interface Interval {
  readonly node: number;
  readonly from: number;
  readonly to: number;
  /** Whether it was granted without Redis. */
  readonly isOwn: boolean;
  readonly fence: number;
}

/** Judges a fleet from outside, only by what the processes did, and when. */
export class Checker {
  readonly events: FleetEvent[] = [];
  /** When each process was killed. What it held then, it no longer works under. */
  readonly #ended = new Map<number, number>();

  add(event: FleetEvent): void {
    this.events.push(event);
  }

  killed(node: number): void {
    if (!this.#ended.has(node)) this.#ended.set(node, now());
  }

  /** All holds, a hold without an end lasting until its process was killed or now. */
  intervals(): Interval[] {
    const open = new Map<string, FleetEvent>();
    const intervals: Interval[] = [];
    const close = (start: FleetEvent, to: number) => {
      const { node, ms, event, detail } = start;
      intervals.push({ node, from: ms, to, isOwn: event === 'own', fence: Number(detail) });
    };
    for (const event of this.events) {
      const id = `${event.node} ${event.hold}`;
      if (event.event === 'start' || event.event === 'own') open.set(id, event);
      const start = open.get(id);
      if (start === undefined || (event.event !== 'end' && event.event !== 'lost')) continue;
      open.delete(id);
      close(start, event.ms);
    }
    for (const start of open.values()) close(start, this.#ended.get(start.node) ?? now());
    return intervals;
  }

  /** The maximum number of holders at once in a span of time. */
  peak(from = -Infinity, to = Infinity): number {
    const changes = this.intervals().flatMap((interval) => {
      if (interval.to <= from || interval.from >= to) return [];
      return [
        { ms: Math.max(from, interval.from), change: 1 },
        { ms: Math.min(to, interval.to), change: -1 },
      ];
    });
    // A release and a grant in the same moment do not overlap.
    changes.sort((a, b) => a.ms - b.ms || a.change - b.change);
    let held = 0;
    return changes.reduce((peak, { change }) => Math.max(peak, (held += change)), 0);
  }

  /** The longest time in a span without a grant. */
  longestPause(from: number, to: number): number {
    const starts = this.intervals()
      .map((interval) => interval.from)
      .filter((ms) => ms > from && ms < to)
      .sort((a, b) => a - b);
    return [...starts, to].reduce(
      ({ last, longest }, ms) => ({ last: ms, longest: Math.max(longest, ms - last) }),
      { last: from, longest: 0 },
    ).longest;
  }

  /** When as many as `count` held at once for the first time after `from`. */
  reaches(count: number, from: number): number | undefined {
    return this.intervals()
      .map((interval) => interval.from)
      .filter((ms) => ms >= from)
      .sort((a, b) => a - b)
      .find((ms) => this.peak(ms, ms + 0.001) >= count);
  }

  count(event: FleetEvent['event'], detail?: string): number {
    return this.events.filter((seen) => seen.event === event && (detail ?? seen.detail) === seen.detail)
      .length;
  }
}

/** Milliseconds on the clock that all processes of a machine share. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
