import type { Clock } from '../../internal/clock.js';

/** A user of a server that has to know whether the server answers. */
export interface CircuitMember {
  /** The server does not answer. */
  down(cause: unknown): void;
  /** The server answers again. */
  up(): void;
  /** Sends something, so that an answer can show that the server is back. */
  probe(): void;
}

/** Looks within `timeoutMs`. */
const TICKS = 5;
/** Part of a step that counts although the event loop was blocked in it. So a silence is noticed even then. */
const LAGGING_SHARE = 0.2;
/** Time between two probes, as a multiple of `timeoutMs`. */
const PROBE_FACTOR = 2;
/** Maximum number of probes without an answer. A connection that is gone may never answer one. */
const MAX_PROBES = 4;

/**
 * Judges whether a server answers. It opens after `timeoutMs` without any answer while an answer is due.
 *
 * It judges the server and not this process: time passes in steps of a timer, and a step that came late counts less. So a
 * blocked event loop is no silence of the server. Each answer, an error included, ends the silence.
 */
export class CircuitBreaker {
  readonly timeoutMs: number;
  readonly #clock: Clock;
  readonly #members = new Set<CircuitMember>();
  /** Calls without an answer. Those of before an opening do not count. */
  readonly #pending = new Set<object>();
  #silentMs = 0;
  #failure: unknown;
  #ticker: unknown;
  #lastTick = 0;
  #prober: CircuitMember | undefined;
  #probes = 0;

  constructor(timeoutMs: number, clock: Clock) {
    this.timeoutMs = timeoutMs;
    this.#clock = clock;
  }

  /** Whether the server counts as down. */
  get isOpen(): boolean {
    return this.#prober !== undefined;
  }

  /** The last error of the client, or the missing answer. */
  get cause(): unknown {
    return this.#failure ?? new Error(`no answer within ${this.timeoutMs} ms`);
  }

  join(member: CircuitMember): void {
    this.#members.add(member);
  }

  leave(member: CircuitMember): void {
    this.#members.delete(member);
  }

  /** Notes a call of `member`. */
  called(call: object, member: CircuitMember): void {
    if (this.isOpen) return;
    if (this.#pending.size === 0 && this.#failure === undefined) this.#silentMs = 0;
    this.#pending.add(call);
    this.#arm(member);
  }

  /** Notes an answer, however late. */
  answered(call: object): void {
    this.#pending.delete(call);
    this.#silentMs = 0;
    this.#failure = undefined;
    if (this.#prober === undefined) return;
    this.#prober = undefined;
    this.#probes = 0;
    for (const member of [...this.#members]) member.up();
  }

  /** Notes a call that ended with an error of the client. That is no answer. */
  failed(call: object, error: unknown): void {
    this.#pending.delete(call);
    this.#probes = Math.max(0, this.#probes - 1);
    this.#failure = error;
  }

  #arm(member: CircuitMember): void {
    if (this.#ticker !== undefined) return;
    const stepMs = this.timeoutMs / TICKS;
    this.#lastTick = this.#clock.now();
    this.#ticker = this.#clock.setTimer(
      () => {
        this.#ticker = undefined;
        this.#tick(member, stepMs);
      },
      Math.max(1, Math.ceil(stepMs)),
      true,
    );
  }

  #tick(member: CircuitMember, stepMs: number): void {
    if (this.isOpen) return;
    if (this.#pending.size === 0 && this.#failure === undefined) return;
    const lagMs = this.#clock.now() - this.#lastTick - stepMs;
    this.#silentMs += Math.min(stepMs, Math.max(stepMs - lagMs, stepMs * LAGGING_SHARE));
    if (this.#silentMs < this.timeoutMs) {
      this.#arm(member);
      return;
    }
    // Answers that have arrived by now are read before the next immediate.
    setImmediate(() => {
      if (this.#silentMs >= this.timeoutMs) this.#open(member);
      else if (this.#pending.size > 0 || this.#failure !== undefined) this.#arm(member);
    });
  }

  #open(member: CircuitMember): void {
    if (this.isOpen) return;
    this.#pending.clear();
    this.#prober = member;
    for (const each of [...this.#members]) each.down(this.cause);
    this.#probe();
  }

  /** The first probe goes out at once: a server that was only paused reads it before anything newer. */
  #probe(): void {
    if (this.#prober === undefined) return;
    if (this.#probes < MAX_PROBES) {
      this.#probes++;
      this.#prober.probe();
    }
    this.#clock.setTimer(
      () => {
        this.#probe();
      },
      this.timeoutMs * PROBE_FACTOR,
      true,
    );
  }
}
