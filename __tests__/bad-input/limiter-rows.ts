import type { AcquireOptions, Outcome, Permit } from 'express-semaphore';
import { aFunction, anything, duration, integer, integerOrInfinity, like, oneOf, string } from './kinds';
import type { Kind } from './kinds';
import { row, rowsOf } from './row';
import type { Row, Trial } from './row';

/** The members of a limiter with three permits that the rows call. For a `KeyedSemaphore` a key is bound. */
export interface LimiterSubject {
  acquire(options?: AcquireOptions): Promise<Permit>;
  tryAcquire(options?: AcquireOptions): Permit | undefined;
  run?(work: () => unknown, options?: AcquireOptions): Promise<unknown>;
  resize?(permits: number): void;
  pause?(): void;
  resume?(): void;
  clear?(reason?: unknown): void;
  update?(options: object): void;
  [Symbol.asyncDispose]?(): PromiseLike<void>;
  close(reason?: unknown): void;
  idle(options?: object): Promise<void>;
  stats(): { readonly held: number; readonly waiting: number };
}

const PERMITS = 3;

/** An argument that is no string may be an event, because `release` can be a listener. */
const OUTCOME: Kind = {
  errorOf: (value) => (typeof value === 'string' ? RangeError : undefined),
  good: 'success',
};

/** What an acquire request may hold. */
const REQUEST: Record<string, Kind> = { weight: integer(1), priority: integer(-100, 100), flow: string };
/** An option that the limiter does not have. */
const UNAVAILABLE: Kind = {
  errorOf: (value) => (typeof value === 'function' ? RangeError : TypeError),
  good: undefined,
};

/** What the request to a limiter without orders may hold. */
const PLAIN_REQUEST: Record<string, Kind> = { weight: integer(1), priority: integer(0, 0), flow: oneOf('') };
/** The options of `acquire`. */
export const WAIT: Record<string, Kind> = {
  ...REQUEST,
  maxWaitMs: duration,
  signal: like(new AbortController().signal),
  onQueued: aFunction(),
  maxHoldMs: duration,
};

/** Rows for the methods of a limiter. `note` distinguishes limiters of one class. */
export function limiterRows(
  name: string,
  make: () => LimiterSubject,
  can: readonly Skill[],
  note = '',
): Row[] {
  return rowsFor(name, make, can).map((one) => ({ ...one, title: one.title + note }));
}

/** Abilities that not every limiter has. */
type Skill = 'run' | 'resize' | 'order' | 'control';

function rowsFor(name: string, make: () => LimiterSubject, can: readonly Skill[]): Row[] {
  return [
    ...[false, true].flatMap((isFull) => acquireRows(name, make, isFull, can)),
    row(`${name}.acquire`, 'work', like(Promise.resolve()), holding(make)),
    row(`${name}.acquire`, 'outcome', OUTCOME, releasing(make)),
    row(`${name}.close`, 'reason', anything, started(make, false, close)),
    ...rowsOf({
      name: `${name}.idle`,
      type: 'IdleOptions',
      kinds: { signal: like(new AbortController().signal) },
      rejects: true,
      start: started(make, false, (limiter, options) => limiter.idle(options as object)),
    }),
    row(
      `${name}.stats`,
      'nothing',
      anything,
      started(make, false, (limiter) => limiter.stats()),
    ),
    ...(can.includes('resize')
      ? [row(`${name}.resize`, 'permits', integer(0, undefined, PERMITS), started(make, false, resize))]
      : []),
    ...(can.includes('control') ? controlRows(name, make) : []),
  ];
}

/** Rows for the control of a queue. */
function controlRows(name: string, make: () => LimiterSubject): Row[] {
  const call = (method: string, run: Call) =>
    row(`${name}.${method}`, 'anything', anything, started(make, false, run));
  return [
    call('pause', (limiter) => limiter.pause?.()),
    call('resume', (limiter) => limiter.resume?.()),
    call('clear', (limiter, reason) => limiter.clear?.(reason)),
    ...rowsOf({
      name: `${name}.update`,
      type: 'SemaphoreOptions',
      kinds: { queueLimit: integerOrInfinity(0), maxWaitMs: duration },
      start: started(make, false, (limiter, options) => limiter.update?.(options as object)),
    }),
  ];
}

/** Rows for acquiring a permit, while some are free, or while all are held and a caller waits. */
function acquireRows(
  name: string,
  make: () => LimiterSubject,
  isFull: boolean,
  can: readonly Skill[],
): Row[] {
  const start = (call: Call): Row['start'] => started(make, isFull, call);
  const acquire = (limiter: LimiterSubject, options: unknown) => limiter.acquire(options as AcquireOptions);
  const tryAcquire = (limiter: LimiterSubject, options: unknown) =>
    limiter.tryAcquire(options as AcquireOptions);
  const run = (limiter: LimiterSubject, options: unknown) =>
    limiter.run?.(() => 1, options as AcquireOptions);
  const work = (limiter: LimiterSubject, value: unknown) => limiter.run?.(value as () => unknown);
  const request = { ...(can.includes('order') ? REQUEST : PLAIN_REQUEST), weight: integer(1, PERMITS) };
  const kinds = { ...WAIT, ...request, ...(can.includes('order') ? {} : { onQueued: UNAVAILABLE }) };
  const wait = { type: 'AcquireOptions', kinds, rejects: true };
  return [
    ...rowsOf({ name: `${name}.acquire`, ...wait, start: start(acquire) }),
    ...rowsOf({
      name: `${name}.tryAcquire`,
      type: 'TryAcquireOptions',
      kinds: request,
      start: start(tryAcquire),
    }),
    ...(can.includes('run')
      ? [
          ...rowsOf({ name: `${name}.run`, ...wait, start: start(run) }),
          row(`${name}.run`, 'work', aFunction(), start(work), true),
        ]
      : []),
  ].map((one) => (isFull ? { ...one, title: `${one.title}, while all permits are held` } : one));
}

type Call = (limiter: LimiterSubject, value: unknown) => unknown;

/** A call of a fresh limiter. When `isFull`, one caller holds all permits and another waits. */
function started(make: () => LimiterSubject, isFull: boolean, call: Call): Row['start'] {
  return async () => {
    const limiter = make();
    const taken: unknown[] = isFull ? [await limiter.acquire({ weight: PERMITS }), limiter.acquire()] : [];
    return {
      call(value) {
        const result = call(limiter, value);
        taken.push(result);
        return result;
      },
      ...countsOf(limiter),
      async end() {
        limiter.resize?.(PERMITS);
        await Promise.all(taken.map(release));
        await limiter.idle();
      },
    };
  };
}

/** A permit that work holds. */
function holding(make: () => LimiterSubject): Row['start'] {
  return async () => {
    const limiter = make();
    const permit = await limiter.acquire();
    return {
      call: (work) => {
        permit.hold(work as Promise<unknown>);
      },
      ...countsOf(limiter),
      async end() {
        permit.release();
        await limiter.idle();
      },
    };
  };
}

/** A permit that is released whatever its outcome is, so no further release is needed. */
function releasing(make: () => LimiterSubject): Row['start'] {
  return async () => {
    const limiter = make();
    const permit = await limiter.acquire();
    return {
      call: (outcome) => {
        permit.release(outcome as Outcome);
      },
      end: () => limiter.idle(),
    };
  };
}

async function release(result: unknown): Promise<void> {
  const permit = await Promise.resolve(result).catch(() => undefined);
  if (typeof permit === 'object' && permit !== null && 'release' in permit) (permit as Permit).release();
}

export function countsOf(limiter: Pick<LimiterSubject, 'stats'>): Pick<Trial, 'counts'> {
  return {
    counts() {
      const { held, waiting } = limiter.stats();
      return [held, waiting];
    },
  };
}

function close(limiter: LimiterSubject, reason: unknown): void {
  limiter.close(reason);
}

function resize(limiter: LimiterSubject, permits: unknown): void {
  limiter.resize?.(permits as number);
}
