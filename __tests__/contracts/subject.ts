import type { Limiter, Permit } from 'express-semaphore';
import type { FakeClock } from '../helpers/clock';
import { watch } from '../helpers/watch';
import type { Watched } from '../helpers/watch';

/** A fresh limiter that the contract is tried on, disposed of after its test. */
export interface Subject extends AsyncDisposable {
  readonly limiter: Limiter;

  /** The limiter's time, where a test can move it; without one, real time passes. */
  readonly clock?: FakeClock;

  /** Resolves once all that was asked of the limiter has reached it and been answered, if it has an answer. */
  settle(): Promise<void>;
}

/** What the contract asks of every limiter it makes. */
export interface SubjectOptions {
  readonly queueLimit?: number;
  readonly maxWaitMs?: number;
}

/** Makes a limiter of so many permits that has no past. */
export type MakeSubject = (permits: number, options?: SubjectOptions) => Subject | Promise<Subject>;

/** Where limiters truly differ. */
export interface Traits {
  /**
   * It decides in this process: a free permit is seen by `tryAcquire`, and a release, an abort or a refusal shows in
   * the same tick. A remote limiter needs a round trip for each.
   */
  readonly local: boolean;

  /** The last to come is served first, and takes the place of the oldest in a full queue. */
  readonly newestFirst?: boolean;
}

/** `it`, for what holds only where those who came first are served first. */
export function itByArrival({ newestFirst = false }: Traits): typeof it | (() => void) {
  return newestFirst ? () => undefined : it;
}

/** Two real timers of one length may fire in either order, and a remote limiter's may be set later. */
const REAL_TIME_SLACK_MS = 50;

/** Asks for one permit for each of `asks`, in this order, and waits until all have been answered or stand in line. */
export async function ask(
  subject: Subject,
  ...asks: Parameters<Limiter['acquire']>[0][]
): Promise<Watched<Permit>[]> {
  const watched = asks.map((options) => watch(subject.limiter.acquire(options)));
  await subject.settle();
  return watched;
}

/** Lets `ms` pass for the limiter, and what comes of that happen. */
export async function pass(subject: Subject, ms: number): Promise<void> {
  if (subject.clock !== undefined) subject.clock.advance(ms);
  else await new Promise((resolve) => setTimeout(resolve, ms + REAL_TIME_SLACK_MS));
  await subject.settle();
}
