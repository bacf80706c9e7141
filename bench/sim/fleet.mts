// A fleet of 100 nodes that share one adaptive limit, and one dependency: `npm run bench sim-fleet`. It compares their
// goodput with that of the best fixed limit. SEEDS=7,8 takes other seeds, and NODES=10 another fleet.
import { Semaphore } from 'express-semaphore';
import { SharedAdaptiveSemaphore } from 'express-semaphore/adaptive';
import { SAMPLE_EXCHANGE } from '../../lib/core/sample-exchange.js';
import type { LeaderTurn, SampleExchange } from '../../lib/core/sample-exchange.js';
import { gradient } from '../../lib/adaptive/gradient.js';
import { CAPACITY, slowBy } from './phases.js';
import type { Phase } from './phases.js';
import type { Random } from './random.js';
import type { SimClock } from './sim-clock.js';
import { simulate } from './simulate.js';
import type { PhaseResult } from './simulate.js';
import { markdown } from './table.js';

// A stack for each rejection would take most of the time.
Error.stackTraceLimit = 0;

const SEEDS = (process.env['SEEDS'] ?? '1,2,3').split(',').map(Number);
const NODES = Number(process.env['NODES'] ?? 100);
/** Calls that the dependency works on at once: with 20 ms for each it serves 5,000 a second. */
const PLACES = 100;
/** Load that the dependency can just serve. */
const FULL_LOAD = (PLACES * 50) / CAPACITY;
const PERMITS = 100;
const MAX_WAIT_MS = 100;
/** Time from a process to Redis and back. */
const ROUND_TRIP_MS = 0.3;
const LEADER_MS = 200;
/** Limits among which the oracle finds the best for each phase. */
const FIXED_LIMITS = [30, 60, 110, 160, 250, 500, 1_100];

const usual = { seconds: 10, deadlineMs: 500 };
const PHASES: readonly Phase[] = [
  { ...usual, name: 'half load', load: 0.5 * FULL_LOAD, dependency: { places: PLACES } },
  { ...usual, name: 'twice the load', load: 2 * FULL_LOAD, dependency: { places: PLACES } },
  { ...usual, name: 'leaders lost', load: 2 * FULL_LOAD, dependency: { places: PLACES } },
  { ...usual, name: 'half load again', load: 0.5 * FULL_LOAD, dependency: { places: PLACES } },
  { ...usual, name: 'down to a quarter', load: 0.5 * FULL_LOAD, dependency: { places: PLACES / 4 } },
  { ...usual, name: 'usual again', load: 0.5 * FULL_LOAD, dependency: { places: PLACES } },
  { ...usual, name: 'ten times slow', load: 0.5 * FULL_LOAD, seconds: 20, dependency: slowBy(10) },
  { ...usual, name: 'fast again', load: 0.5 * FULL_LOAD, dependency: { places: PLACES } },
];
/** Second at which the phase with lost leaders begins. Every two seconds of it the leader falls silent. */
const LOSSES_FROM_MS = 20_000;
const LOSSES_TO_MS = 30_000;

/** One limit for all nodes. The messages to Redis take time; grants and releases do not, as in the other simulations. */
class SimulatedFleet {
  readonly limiter: Semaphore;
  readonly #clock: SimClock;
  #leader: object | undefined;
  #leaderUntilMs = 0;
  #leadsSinceMs = 0;
  #state = '';
  #peak = 0;
  #reports: [number, string][] = [];
  losses = 0;

  constructor(clock: SimClock) {
    this.#clock = clock;
    this.limiter = new Semaphore(PERMITS, { maxWaitMs: MAX_WAIT_MS, clock });
  }

  /** The limiter of one node. */
  node(): Semaphore {
    const exchange: SampleExchange = {
      exchange: (report, state) =>
        new Promise((resolve) => {
          this.#clock.setTimer(() => {
            const turn = this.#exchange(exchange, report, state);
            // A node whose leadership is lost for good would be silent. One that answers nothing is as good.
            if (turn !== 'silent')
              this.#clock.setTimer(() => {
                resolve(turn);
              }, ROUND_TRIP_MS / 2);
          }, ROUND_TRIP_MS / 2);
        }),
    };
    const { limiter } = this;
    return new Proxy(limiter, {
      get: (_, name) => {
        if (name === SAMPLE_EXCHANGE) return exchange;
        const value: unknown = Reflect.get(limiter, name, limiter);
        return typeof value === 'function' ? (value.bind(limiter) as unknown) : value;
      },
      has: (_, name) => name === SAMPLE_EXCHANGE || name in limiter,
    });
  }

  #exchange(node: object, report: string, state: string): LeaderTurn | undefined | 'silent' {
    const now = this.#clock.now();
    const isLeading = this.#leader === node;
    const isLossy = now >= LOSSES_FROM_MS && now < LOSSES_TO_MS;
    if (isLeading && isLossy && now - Math.max(this.#leadsSinceMs, LOSSES_FROM_MS) > 2_000) {
      this.losses++;
      return 'silent';
    }
    this.#reports.push([now, report]);
    this.#peak = Math.max(this.#peak, this.limiter.held);
    if (!isLeading && now < this.#leaderUntilMs) return undefined;
    if (isLeading && state !== '') this.#state = state;
    const turn = {
      nowMs: now,
      held: this.#peak,
      reports: this.#reports,
      state: isLeading ? undefined : this.#state,
    };
    if (!isLeading) this.#leadsSinceMs = now;
    this.#leader = node;
    this.#leaderUntilMs = now + LEADER_MS;
    this.#reports = [];
    this.#peak = this.limiter.held;
    return turn;
  }
}

async function simulateFleet(seed: number): Promise<{ results: PhaseResult[]; losses: number }> {
  let fleet: SimulatedFleet | undefined;
  const make = (clock: SimClock, random: Random, eventLoopLoad: { busyMs: () => number }) => {
    fleet ??= new SimulatedFleet(clock);
    const algorithm = gradient({ initialPermits: PERMITS, random: () => random.next() });
    return new SharedAdaptiveSemaphore(fleet.node(), { algorithm, clock, eventLoopLoad });
  };
  const results = await simulate(make, PHASES, seed, 'release', NODES);
  return { results, losses: fleet?.losses ?? 0 };
}

/** The goodput of the best fixed limit in each phase. */
async function oracle(seed: number): Promise<readonly number[]> {
  const best = PHASES.map(() => 0);
  for (const permits of FIXED_LIMITS) {
    let shared: Semaphore | undefined;
    const make = (clock: SimClock) => (shared ??= new Semaphore(permits, { maxWaitMs: MAX_WAIT_MS, clock }));
    const results = await simulate(make, PHASES, seed, 'release', NODES);
    for (const [index, { total }] of results.entries()) best[index] = Math.max(best[index] ?? 0, total.good);
  }
  return best;
}

const rows: string[][] = PHASES.map(({ name }) => [name]);
for (const seed of SEEDS) {
  process.stderr.write(`seed ${seed} ...\n`);
  const { results, losses } = await simulateFleet(seed);
  process.stderr.write(
    `${losses} leaders lost; limits ${results.map(({ total }) => total.permits).join(', ')}\n`,
  );
  const best = await oracle(seed);
  for (const [index, { total, seconds }] of results.entries()) {
    const worst = Math.min(...seconds.slice(0, -1).map(({ good }) => good));
    rows[index]?.push(
      `${(total.good / (best[index] ?? NaN)).toFixed(3)}, ${((100 * total.rejected) / total.offered).toFixed(1)} %, ${worst}`,
    );
  }
}
console.log(
  `${NODES} nodes: goodput as a part of the best fixed limit's, rejected, clients served in the worst second\n`,
);
console.log(markdown(['phase', ...SEEDS.map((seed) => `seed ${seed}`)], rows));
