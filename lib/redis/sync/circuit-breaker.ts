import type { Clock } from '../../internal/clock.js';

/** Who has something at stake with a backend. */
export interface BreakerMember {
  /** The backend does not answer: serve by other means. */
  down(): void;
  /** It answers again. */
  up(): void;
  /** Asks it anything, so that its answer can show that it is back. */
  probe(): void;
}

/** How long after a failed probe the next one goes out, as a multiple of the deadline. */
const PROBE_FACTOR = 2;

/**
 * Tells whether a backend answers. It is down once a call has had no answer for `timeoutMs`, or calls have failed for
 * as long with no success in between. While it is down, one probe at a time asks; any answer, however late, ends it.
 */
export class CircuitBreaker {
  readonly timeoutMs: number;
  readonly #clock: Clock;
  readonly #members = new Set<BreakerMember>();
  /** When each call that has no answer yet was sent, oldest first. */
  readonly #calls = new Set<{ readonly since: number }>();
  #watchdog: unknown = undefined;
  #failingSince: number | undefined;
  #probeTimer: unknown = undefined;
  /** Set while the backend is down: who asks whether it is back. */
  #prober: BreakerMember | undefined;

  constructor(timeoutMs: number, clock: Clock) {
    this.timeoutMs = timeoutMs;
    this.#clock = clock;
  }

  /** Whether the backend is down. */
  get isOpen(): boolean {
    return this.#prober !== undefined;
  }

  join(member: BreakerMember): void {
    this.#members.add(member);
  }

  leave(member: BreakerMember): void {
    this.#members.delete(member);
  }

  /** Learns from what comes of a call that `member` made at `since`, and passes it on. */
  watch<Reply>(
    member: BreakerMember,
    since: number,
    call: Promise<Reply>,
    onReply: (reply: Reply) => void,
    onError: (error: unknown) => void,
  ): void {
    const sent = { since };
    this.#calls.add(sent);
    this.#armWatchdog(this.timeoutMs, member);
    call.then(
      (reply) => {
        this.#calls.delete(sent);
        this.#succeeded();
        onReply(reply);
      },
      (error: unknown) => {
        this.#calls.delete(sent);
        this.#failed(member);
        onError(error);
      },
    );
  }

  /** One timer watches all calls: they are answered in the order in which they were sent. */
  #armWatchdog(delayMs: number, member: BreakerMember): void {
    this.#watchdog ??= this.#clock.setTimer(
      () => {
        this.#watchdog = undefined;
        this.#judge(member);
      },
      delayMs,
      true,
    );
  }

  #judge(member: BreakerMember): void {
    const [oldest] = this.#calls;
    if (oldest === undefined) return;
    const leftMs = oldest.since + this.timeoutMs - this.#clock.now();
    if (leftMs > 0) {
      this.#armWatchdog(Math.ceil(leftMs), member);
      return;
    }
    // What came in while this process stood still is read before timers are looked at again.
    setImmediate(() => {
      if (this.#calls.has(oldest)) this.#open(member);
      else this.#judge(member);
    });
  }

  #succeeded(): void {
    this.#failingSince = undefined;
    if (this.#prober === undefined) return;
    this.#prober = undefined;
    for (const member of [...this.#members]) member.up();
  }

  #failed(member: BreakerMember): void {
    const now = this.#clock.now();
    this.#failingSince ??= now;
    if (now - this.#failingSince >= this.timeoutMs) this.#open(member);
  }

  #open(member: BreakerMember): void {
    // The answers to these have been waited for long enough; the next watchdog is for the probe.
    this.#calls.clear();
    if (this.#prober !== undefined) return;
    this.#prober = member;
    for (const each of [...this.#members]) each.down();
    this.#scheduleProbe();
  }

  #scheduleProbe(): void {
    this.#probeTimer ??= this.#clock.setTimer(
      () => {
        this.#probeTimer = undefined;
        if (this.#prober === undefined) return;
        if (this.#calls.size === 0) this.#prober.probe();
        this.#scheduleProbe();
      },
      this.timeoutMs * PROBE_FACTOR,
      true,
    );
  }
}
