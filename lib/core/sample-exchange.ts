/**
 * A property of a limiter that processes share: how they exchange the samples of an adaptive limit. It is the same symbol
 * in each copy of the package.
 */
export const SAMPLE_EXCHANGE: unique symbol = Symbol.for('express-semaphore.sample-exchange');

/** Brings the reports of all processes to one of them, the leader. Each adaptive limiter of a process has its own. */
export interface SampleExchange {
  /**
   * Adds the report of this process. Resolves to the leader's turn, or to `undefined` while another process leads. `state`
   * replaces what is kept for the next leader, if this process has led until now.
   */
  exchange(report: string, state: string): Promise<LeaderTurn | undefined>;
}

/** What the leader gets. */
export interface LeaderTurn {
  /** Time in milliseconds, on a clock that all processes share. */
  readonly nowMs: number;
  /** Largest number of permits held by all processes since the previous turn. */
  readonly held: number;
  /** The reports of all processes since the previous turn, and their times. */
  readonly reports: readonly (readonly [atMs: number, report: string])[];
  /** What the previous leader has kept; `undefined` if this process led before, `''` if nothing is kept. */
  readonly state: string | undefined;
}
