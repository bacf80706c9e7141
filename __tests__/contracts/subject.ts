import type { Limiter, Permit } from 'express-semaphore';
import type { FakeClock } from 'express-semaphore/testing';
import { watch } from '../helpers/watch';
import type { Watched } from '../helpers/watch';

/** A fresh limiter that the contract is tried on, disposed of after its test. */
export interface Subject extends AsyncDisposable {
  readonly limiter: Limiter;

  /** The limiter's time, where a test can move it; without one, real time passes. */
  readonly clock?: FakeClock;

  /** Resolves once the limiter has received every call and settled those that it can settle. */
  settle(): Promise<void>;
}

/** What the contract needs of every limiter that it makes. */
export interface SubjectOptions {
  readonly queueLimit?: number;
  readonly maxWaitMs?: number;
}

/** Makes a limiter of so many permits that has no past. */
export type MakeSubject = (permits: number, options?: SubjectOptions) => Subject | Promise<Subject>;

/** Where limiters truly differ. */
export interface Traits {
  /**
   * It decides in this process: a free permit is seen by `tryAcquire`, and a release, an abort or a rejection shows in
   * the same tick. A remote limiter needs a round trip for each.
   */
  readonly local: boolean;

  /** Its queue can be paused, cleared and changed at run time. */
  readonly controls?: boolean;

  /** The last to come is served first, and takes the place of the oldest in a full queue. */
  readonly newestFirst?: boolean;
}

/** `it`, for behaviour that holds only where waiters are served in the order of arrival. */
export function itByArrival({ newestFirst = false }: Traits): typeof it | (() => void) {
  return newestFirst ? () => undefined : it;
}

/** Two real timers of one length may fire in either order, and a remote limiter's may be set later. */
const REAL_TIME_SLACK_MS = 50;

/** Acquires once with each of `requests`, in this order. Waits until each call has settled or is queued. */
export async function acquireEach(
  subject: Subject,
  ...requests: Parameters<Limiter['acquire']>[0][]
): Promise<Watched<Permit>[]> {
  const watched = requests.map((options) => watch(subject.limiter.acquire(options)));
  await subject.settle();
  return watched;
}

/** Lets `ms` pass for the limiter, and what comes of that happen. */
export async function pass(subject: Subject, ms: number): Promise<void> {
  if (subject.clock !== undefined) subject.clock.advance(ms);
  else await new Promise((resolve) => setTimeout(resolve, ms + REAL_TIME_SLACK_MS));
  await subject.settle();
}
