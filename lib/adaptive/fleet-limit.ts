import type { Outcome } from '../core/limiter.js';
import type { LeaderTurn, SampleExchange } from '../core/sample-exchange.js';
import type { Clock } from '../internal/clock.js';
import { requireNumber } from '../internal/validate.js';
import { runInRootContext } from '../internal/root-context.js';
import type { EventLoopLoad } from './event-loop-load.js';
import type { LimitAlgorithm } from './algorithm.js';

/** Time from the answer to a report to the next report, in milliseconds. */
const REPORT_MS = 100;
/** Largest number of samples in a report. A busier process reports a random choice. */
const REPORT_SAMPLES = 10;

/** Age at which all samples of a time have been reported, in milliseconds. A report can be late by half of its interval. */
const COMPLETE_MS = 1.5 * REPORT_MS;

/** One sample in a report: hold time, time from its end to the report, and outcome. */
type ReportedSample = readonly [heldMs: number, ageMs: number, outcome: Outcome];

/** What one process tells the leader. */
interface Report {
  /** Share of the time in which the event loop was busy. */
  readonly busy: number;
  readonly samples: readonly ReportedSample[];
}

/** What the leader keeps for its successor. */
interface LeaderState {
  readonly algorithm: unknown;
  readonly busyMs: number;
  readonly deadMs: number;
  readonly turnMs: number;
}

interface EndedSample {
  readonly heldMs: number;
  readonly endedMs: number;
  readonly outcome: Outcome;
}

/**
 * The part of one process in an adaptive limit that processes share.
 *
 * Every process reports samples. The leader feeds all reports to its algorithm and sets the limit. The state of its
 * algorithm travels with the next report, so a successor goes on where the leader stopped.
 *
 * A process that releases no permit sends nothing. A leader sends as long as it gets reports.
 */
export class FleetLimit {
  readonly #exchange: SampleExchange;
  readonly #algorithm: LimitAlgorithm;
  readonly #clock: Clock;
  readonly #eventLoopLoad: EventLoopLoad;
  readonly #apply: (limit: unknown) => boolean;
  readonly #fail: (error: unknown) => void;
  #samples: EndedSample[] = [];
  /** Number of samples since the last report. */
  #count = 0;
  #reportedMs: number;
  #reportedBusyMs: number | undefined;
  #timer: unknown;
  #isSending = false;
  #isClosed = false;
  /** The state for the next leader; empty while another process leads. */
  #state = '';
  /** Time of the last turn, on the clock of the fleet. It never decreases. */
  #turnMs = 0;
  /** What the clock of the fleet lacks to it. */
  #shiftMs = 0;
  /** Samples that the algorithm has not got, in the order of their ends. */
  #pending: EndedSample[] = [];
  /** End of the last sample that the algorithm has got. */
  #fedMs = 0;
  /** Time that the algorithm does not see. */
  #deadMs = 0;
  /** Mean share of the time in which the event loops of all processes were busy, and its sum. */
  #busy = 0;
  #busyMs = 0;

  /**
   * `apply` gets what the algorithm returns, and returns whether it changed the limit. `fail` gets an error of the algorithm
   * or of the exchange.
   */
  constructor(
    exchange: SampleExchange,
    algorithm: LimitAlgorithm,
    clock: Clock,
    eventLoopLoad: EventLoopLoad,
    apply: (limit: unknown) => boolean,
    fail: (error: unknown) => void,
  ) {
    this.#exchange = exchange;
    this.#algorithm = algorithm;
    this.#clock = clock;
    this.#eventLoopLoad = eventLoopLoad;
    this.#apply = apply;
    this.#fail = fail;
    this.#reportedMs = clock.now();
  }

  /** Adds the sample of a permit that is released now. */
  add(startedMs: number, outcome: Outcome): void {
    if (this.#isClosed) return;
    const endedMs = this.#clock.now();
    // Each sample is reported with the same probability.
    const index = this.#count < REPORT_SAMPLES ? this.#count : Math.floor(Math.random() * (this.#count + 1));
    this.#count++;
    if (index < REPORT_SAMPLES) this.#samples[index] = { heldMs: endedMs - startedMs, endedMs, outcome };
    this.#schedule();
  }

  close(): void {
    this.#isClosed = true;
    this.#clock.clearTimer(this.#timer);
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#isSending || this.#isClosed) return;
    this.#timer = runInRootContext(() => this.#clock.setTimer(this.#send, REPORT_MS, true));
  }

  readonly #send = (): void => {
    this.#timer = undefined;
    this.#isSending = true;
    this.#report().then(
      (turn) => {
        this.#isSending = false;
        if (this.#isClosed) return;
        const count = turn === undefined ? this.#follow() : this.#lead(turn);
        if (this.#count > 0 || count > 0) this.#schedule();
      },
      (error: unknown) => {
        this.#isSending = false;
        if (this.#isClosed) return;
        this.#fail(error);
        if (this.#count > 0) this.#schedule();
      },
    );
  };

  /** Asynchronous, so that an event-loop load that throws fails like the exchange. */
  async #report(): Promise<LeaderTurn | undefined> {
    return this.#exchange.exchange(this.#takeReport(), this.#state);
  }

  #takeReport(): string {
    const now = this.#clock.now();
    const busyMs = this.#eventLoopLoad.busyMs();
    requireNumber('the result of eventLoopLoad.busyMs', busyMs);
    const busy = (busyMs - (this.#reportedBusyMs ?? busyMs)) / Math.max(1, now - this.#reportedMs);
    const samples = this.#samples.map(
      ({ heldMs, endedMs, outcome }) => [round(heldMs), round(now - endedMs), outcome] as const,
    );
    const report: Report = { busy: round(busy), samples };
    this.#reportedMs = now;
    this.#reportedBusyMs = busyMs;
    this.#samples = [];
    this.#count = 0;
    return JSON.stringify(report);
  }

  #follow(): number {
    this.#state = '';
    return 0;
  }

  /** Feeds a turn to the algorithm. Returns the number of samples that it has. */
  #lead({ nowMs, held, reports, state }: LeaderTurn): number {
    try {
      const isFirst = state !== undefined && this.#takeOver(state);
      this.#shiftMs = Math.max(this.#shiftMs, this.#turnMs - nowMs);
      this.#turnMs = nowMs + this.#shiftMs;
      if (isFirst) this.#apply(this.#algorithm.initial);
      if (state !== undefined) this.#skip();
      this.#read(reports);
      this.#feed(held);
      const learned = { algorithm: this.#algorithm.state, busyMs: this.#busyMs, deadMs: this.#deadMs };
      this.#state = JSON.stringify({ ...learned, turnMs: this.#turnMs } satisfies LeaderState);
      return this.#pending.length + reports.length;
    } catch (error) {
      this.#fail(error);
      return reports.length;
    }
  }

  /** Adds the samples of the reports to those that are not fed yet, in the order of their ends. */
  #read(reports: LeaderTurn['reports']): void {
    let busy = 0;
    for (const [atMs, text] of reports) {
      const report = JSON.parse(text) as Report;
      busy += report.busy / reports.length;
      for (const [heldMs, ageMs, outcome] of report.samples) {
        this.#pending.push({ heldMs, endedMs: atMs + this.#shiftMs - ageMs, outcome });
      }
    }
    if (reports.length > 0) this.#busy = busy;
    this.#pending.sort((a, b) => a.endedMs - b.endedMs);
  }

  /** Feeds the samples of the time about which all processes have reported. */
  #feed(inFlight: number): void {
    const completeMs = this.#turnMs - COMPLETE_MS;
    let index = 0;
    for (const { heldMs, endedMs: wasMs, outcome } of this.#pending) {
      if (wasMs > completeMs) break;
      index++;
      // The present limit was not in force yet.
      if (wasMs < this.#fedMs) continue;
      this.#busyMs += this.#busy * (wasMs - this.#fedMs);
      this.#fedMs = wasMs;
      const endedMs = wasMs - this.#deadMs;
      const sample = { startedMs: endedMs - heldMs, endedMs, busyMs: this.#busyMs, inFlight, outcome };
      if (this.#apply(this.#algorithm.next(sample))) {
        this.#skip();
        break;
      }
    }
    this.#pending.splice(0, index);
  }

  /** Takes the time from the last sample until now out of the algorithm's time: the present limit is in force from now on. */
  #skip(): void {
    this.#deadMs += this.#turnMs - this.#fedMs;
    this.#fedMs = this.#turnMs;
  }

  /** Goes on where the previous leader stopped. Returns true if there was none. */
  #takeOver(state: string): boolean {
    this.#pending = [];
    if (state === '') return true;
    const { algorithm, busyMs, deadMs, turnMs } = JSON.parse(state) as LeaderState;
    this.#algorithm.state = algorithm;
    this.#busyMs = busyMs;
    this.#deadMs = deadMs;
    this.#fedMs = turnMs;
    this.#turnMs = turnMs;
    this.#shiftMs = 0;
    return false;
  }
}

/** Hundredths are enough, and short. */
function round(value: number): number {
  return Math.round(value * 100) / 100;
}
