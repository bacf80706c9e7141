import fc from 'fast-check';
import type { Outcome } from 'express-semaphore';

export const KEYS = ['a', 'b', '__proto__', 'constructor'];
/** How many signals there are at a time. */
export const SIGNALS = 3;
/** Promise jobs that run after a step; with the most of them all has settled that can. */
const TURNS = [0, 0, 0, 1, 2, 3, 4, 20] as const;
export const ALL_TURNS = 20;

/** A number that picks one of however many there are. */
type Pick = number;

export interface AcquireStep {
  readonly kind: 'acquire' | 'tryAcquire';
  readonly key: string;
  readonly weight: number;
  readonly priority: number;
  readonly flow: string;
  readonly maxWaitMs: number | undefined;
  readonly signal: Pick | undefined;
}

export interface ReleaseStep {
  readonly kind: 'release';
  readonly which: Pick;
  readonly outcome: Outcome | undefined;
  readonly by: 'release' | 'dispose';
  readonly times: number;
}

/** What happens next in a history. */
export type Step =
  | AcquireStep
  | ReleaseStep
  | { readonly kind: 'releaseAgain'; readonly which: Pick }
  | { readonly kind: 'hold'; readonly which: Pick; readonly isReleased: boolean }
  | { readonly kind: 'settle'; readonly which: Pick }
  /** Aborts a signal. A foreign listener acts during the abort, before or after that of the limiter. */
  | {
      readonly kind: 'abort';
      readonly signal: Pick;
      readonly reaction: AcquireStep | ReleaseStep | undefined;
      readonly isLate: boolean;
    }
  | { readonly kind: 'advance'; readonly ms: number }
  | { readonly kind: 'resize'; readonly permits: number }
  | { readonly kind: 'pause'; readonly isPaused: boolean }
  | { readonly kind: 'clear' }
  | { readonly kind: 'update'; readonly queueLimit: number; readonly maxWaitMs: number }
  | { readonly kind: 'idle' }
  | { readonly kind: 'close' };

/** A step, and how many promise jobs run before the next. */
export interface TimedStep {
  readonly step: Step;
  readonly turns: number;
}

const pick = fc.nat({ max: 11 });

const acquire = fc.record({
  kind: fc.constantFrom('acquire' as const, 'acquire' as const, 'tryAcquire' as const),
  key: fc.constantFrom(...KEYS),
  weight: fc.constantFrom(1, 1, 1, 2, 3),
  priority: fc.constantFrom(0, 0, 1, 5, -3, 100),
  flow: fc.constantFrom('', 'a', 'bb'),
  maxWaitMs: fc.constantFrom(undefined, undefined, Infinity, 0, 3, 10, 25),
  signal: fc.option(fc.nat({ max: SIGNALS - 1 }), { nil: undefined }),
});

const release = fc.record({
  kind: fc.constant('release' as const),
  which: pick,
  outcome: fc.constantFrom(undefined, 'success' as const, 'overload' as const, 'ignore' as const),
  by: fc.constantFrom('release' as const, 'dispose' as const),
  times: fc.constantFrom(1, 1, 2),
});

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: acquire },
  { weight: 8, arbitrary: release },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('releaseAgain' as const), which: pick }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('hold' as const), which: pick, isReleased: fc.boolean() }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('settle' as const), which: pick }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('abort' as const),
      signal: fc.nat({ max: SIGNALS - 1 }),
      reaction: fc.option(fc.oneof(acquire, release), { nil: undefined }),
      isLate: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('advance' as const),
      ms: fc.oneof(fc.nat({ max: 12 }), fc.constant(1)),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('resize' as const), permits: fc.nat({ max: 5 }) }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'idle' as const }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('pause' as const),
      isPaused: fc.constantFrom(false, false, true),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.oneof(
      fc.constant({ kind: 'clear' as const }),
      fc.record({
        kind: fc.constant('update' as const),
        queueLimit: fc.constantFrom(Infinity, Infinity, 0, 2),
        maxWaitMs: fc.constantFrom(Infinity, Infinity, 15),
      }),
    ),
  },
);

/** A history; few end with a limiter that was closed on the way. */
export const history: fc.Arbitrary<readonly TimedStep[]> = fc.array(
  fc.record({
    step: fc.oneof(
      { weight: 200, arbitrary: step },
      { weight: 1, arbitrary: fc.constant({ kind: 'close' as const }) },
    ),
    turns: fc.constantFrom(...TURNS),
  }),
  { maxLength: 100, size: 'max' },
);
