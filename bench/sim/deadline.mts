// What `deadlineMs` adds to `maxWaitMs`, with the computation of `limit`: `node --import tsx bench/sim/deadline.mts`.
// SEEDS=7,8 takes other seeds.
import { Semaphore } from 'express-semaphore';
import type { AcquireOptions, Permit, SemaphoreOptions, TryAcquireOptions } from 'express-semaphore';
import { Deadline } from '../../lib/http/deadline.js';
import { CAPACITY, ORACLE, slowBy, USUAL } from './phases.js';
import type { Phase } from './phases.js';
import { simulate } from './simulate.js';
import type { MakeLimiter, PhaseResult } from './simulate.js';
import { markdown } from './table.js';

// A stack for each rejection would take most of the time.
Error.stackTraceLimit = 0;

const SEEDS = (process.env['SEEDS'] ?? '801,802,803').split(',').map(Number);
const MAX_WAIT_MS = 100;

const PHASES: readonly Phase[] = [
  { ...USUAL, name: 'half load', load: 0.5 },
  { ...USUAL, name: 'dependency 10 times slow, 0.5x', load: 0.5, dependency: slowBy(10) },
  { ...USUAL, name: 'thread 3 times slow, 1x', load: 1, slowdown: 3 },
  { ...USUAL, name: 'thread 5 times slow, 0.5x', load: 0.5, slowdown: 5 },
  { ...USUAL, name: 'thread 5 times slow, 1x', load: 1, slowdown: 5 },
  { ...USUAL, name: 'thread 3 times slow, 3x', load: 3, slowdown: 3 },
];

/** Waits as `limit` does with a `deadlineMs`. */
class DeadlineSemaphore extends Semaphore {
  readonly #deadline: Deadline;

  constructor(permits: number, deadline: Deadline, options: SemaphoreOptions) {
    super(permits, options);
    this.#deadline = deadline;
  }

  override tryAcquire(options?: TryAcquireOptions): Permit | undefined {
    const over = this.#deadline.watch();
    const permit = super.tryAcquire(options);
    return permit && watched(permit, over);
  }

  override async acquire(options?: AcquireOptions): Promise<Permit> {
    const over = this.#deadline.watch();
    const maxWaitMs = Math.min(MAX_WAIT_MS, this.#deadline.maxWaitMs(this.#deadline.now()));
    return watched(await super.acquire({ ...options, maxWaitMs }), over);
  }
}

function watched(permit: Permit, over: (waitedMs: number) => void): Permit {
  let isOver = false;
  const release: Permit['release'] = (outcome) => {
    if (!isOver) over(permit.waitedMs);
    isOver = true;
    permit.release(outcome);
  };
  return Object.create(permit, { release: { value: release } }) as Permit;
}

function contender(hasFreshTurns: boolean, hasDeadline: boolean): MakeLimiter {
  return (clock, _random, loop) => {
    loop.hasFreshTurns = hasFreshTurns;
    if (!hasDeadline) return new Semaphore(ORACLE, { maxWaitMs: MAX_WAIT_MS, clock });
    const nextTurn = (call: () => void): void => {
      loop.push(0, call);
    };
    return new DeadlineSemaphore(ORACLE, new Deadline(USUAL.deadlineMs, clock, nextTurn), { clock });
  };
}

const contenders = {
  'one turn for all': contender(false, false),
  'the same, deadlineMs': contender(false, true),
  'fresh turns': contender(true, false),
  'fresh turns, deadlineMs': contender(true, true),
};

/** Served in time in a second: the median of the seeds, and the worst. */
function textOf(results: readonly (PhaseResult | undefined)[]): string {
  const rates = results.map((result) => (result?.total.good ?? NaN) / USUAL.seconds).sort((a, b) => a - b);
  return `${(rates[rates.length >> 1] ?? NaN).toFixed(0)} (${(rates[0] ?? NaN).toFixed(0)})`;
}

const cells: string[][] = PHASES.map(({ name, slowdown = 1 }) => [name, (CAPACITY / slowdown).toFixed(0)]);
for (const [name, make] of Object.entries(contenders)) {
  process.stderr.write(`${name} ...\n`);
  const results: PhaseResult[][] = [];
  for (const seed of SEEDS) results.push(await simulate(make, PHASES, seed, 'release'));
  for (const [index, row] of cells.entries()) row.push(textOf(results.map((each) => each[index])));
}
console.log(`Served within ${USUAL.deadlineMs} ms, a second; seeds ${SEEDS.join(', ')}: median (worst)\n`);
console.log(markdown(['phase', 'thread serves at most', ...Object.keys(contenders)], cells));
