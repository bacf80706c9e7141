// What one limit for 1,000 nodes costs, and 1,000,000 limits on a cluster: `npm run bench sim-redis` prints both tables.
// The prefetched leases of each node are the real ones, in simulated time; the time of a script and of a round trip are the benchmark's.
import { Lease } from '../../lib/redis/lease.js';
import { PrefetchedLeases } from '../../lib/redis/prefetched-leases.js';
import { Random } from './random.js';
import { SimClock } from './sim-clock.js';
import { markdown } from './table.js';

/** Milliseconds that a script takes, and that each further operation in it takes; `npm run bench redis` measured both. */
const SCRIPT_MS = 0.01;
const OPERATION_MS = 0.0005;
const ROUND_TRIP_MS = 0.3;

const NODES = 1_000;
const SEED = Number(process.env['SEED'] ?? 1);

console.log(`Seed ${SEED}; a script takes ${SCRIPT_MS * 1e3} µs, a round trip ${ROUND_TRIP_MS} ms.\n`);
console.log(shards());
console.log(`\n${await batches()}`);

/** 1,000,000 keys of which some are requested for more than others, spread over the slots of a cluster. */
function shards(): string {
  const KEYS = 1_000_000;
  const RATE = 300_000;
  const random = new Random(SEED);
  const weights = Array.from({ length: KEYS }, (_, rank) => 1 / (rank + 10) ** 0.9);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const rows = [8, 16, 32, 64].map((count) => {
    const loads = new Array<number>(count).fill(0);
    let hottest = 0;
    for (const weight of weights) {
      // An acquire and a release come in different turns, mostly.
      const busy = ((RATE * weight) / sum) * 2 * (SCRIPT_MS / 1_000);
      hottest = Math.max(hottest, busy);
      const shard = random.integer(0, count - 1);
      loads[shard] = (loads[shard] ?? 0) + busy;
    }
    return [String(count), percent(mean(loads)), percent(Math.max(...loads)), percent(hottest)];
  });
  return markdown(['shards', 'mean load', 'highest load', "the hottest key's part"], rows);
}

/** One limit of 12,000 permits for all nodes, each of which needs 10 on the average, and 11.8 half of the time. */
async function batches(): Promise<string> {
  const rows: string[][] = [];
  for (const batch of [1, 4, 16, 64]) rows.push(await prefetchRow(batch));
  return markdown(
    [
      'batch',
      'scripts/s',
      'load of the shard',
      'idle, prefetched',
      'waited',
      'wait p50, p99',
      'worst node : mean',
    ],
    rows,
  );
}

async function prefetchRow(prefetch: number): Promise<string[]> {
  const PERMITS = 12_000;
  const HOLD_MS = 400;
  const MEAN_GAP_MS = 40;
  const END_MS = 6_000;
  const clock = new SimClock();
  const random = new Random(SEED);
  const queue: { readonly since: number; readonly grant: () => void }[] = [];
  const waits: number[] = [];
  const waitsOf = Array.from({ length: NODES }, () => ({ sum: 0, count: 0 }));
  const nodes: PrefetchedLeases[] = [];
  let used = 0;
  let scripts = 0;
  let busyMs = 0;
  let busyUntil = 0;
  let requested = 0;
  let idle = 0;
  let looks = 0;

  for (let node = 0; node < NODES; node++) {
    const prefetched = new PrefetchedLeases(prefetch, clock, (unused) => {
      for (const lease of unused) giveBack(lease);
      sync(0, () => {
        noteQueue(prefetched);
      });
    });
    nodes.push(prefetched);
    arrive(node, prefetched);
  }
  clock.setTimer(look, 1_000);
  await clock.runUntil(END_MS);

  waits.sort((a, b) => a - b);
  const seconds = END_MS / 1_000;
  const means = waitsOf.map(({ sum, count }) => sum / Math.max(1, count));
  return [
    String(prefetch),
    Math.round(scripts / seconds).toLocaleString('en'),
    percent(busyMs / END_MS),
    percent(idle / looks / PERMITS),
    percent(waits.length / requested),
    `${at(0.5).toFixed(1)}, ${at(0.99).toFixed(1)} ms`,
    (Math.max(...means) / Math.max(mean(means), 1e-9)).toFixed(1),
  ];

  function at(part: number): number {
    return waits[Math.floor(part * waits.length)] ?? 0;
  }

  /** For half of the time there is about as much to do as there are permits. */
  function arrive(node: number, prefetched: PrefetchedLeases): void {
    const isRush = Math.floor(clock.now() / 500) % 2 === 1;
    clock.setTimer(
      () => {
        arrive(node, prefetched);
        request(node, prefetched);
      },
      random.exponential(isRush ? MEAN_GAP_MS * 0.85 : MEAN_GAP_MS),
    );
  }

  function request(node: number, prefetched: PrefetchedLeases): void {
    requested++;
    const since = clock.now();
    const lease = prefetched.take();
    if (lease !== undefined) {
      hold(prefetched, lease);
      return;
    }
    const spares = [...prefetched.request(() => '0')];
    sync(1 + spares.length, () => {
      const serve = () => {
        const ms = clock.now() - since;
        if (ms > 5) {
          waits.push(ms);
          const own = waitsOf[node];
          if (own !== undefined) {
            own.sum += ms;
            own.count++;
          }
        }
        hold(prefetched, new Lease('0', 1, 1, true));
      };
      if (queue.length === 0 && used < PERMITS) {
        used++;
        serve();
      } else queue.push({ since, grant: serve });
      for (const spare of spares) {
        prefetched.settle(spare);
        if (queue.length > 0 || used >= PERMITS) continue;
        used++;
        if (!prefetched.keep(new Lease('0', 1, 1, true))) free();
      }
      noteQueue(prefetched);
    });
  }

  function hold(prefetched: PrefetchedLeases, lease: Lease): void {
    clock.setTimer(() => {
      if (!prefetched.keep(lease)) {
        sync(1, () => {
          free();
          noteQueue(prefetched);
        });
      }
    }, random.exponential(HOLD_MS));
  }

  /** What waits anywhere takes the prefetched leases along. */
  function noteQueue(prefetched: PrefetchedLeases): void {
    for (const lease of prefetched.setWanted(queue.length > 0)) giveBack(lease);
  }

  function giveBack(_: Lease): void {
    sync(1, free);
  }

  /** A permit was released. The head of the queue has it after half a round trip. */
  function free(): void {
    const next = queue.shift();
    if (next === undefined) used--;
    else clock.setTimer(next.grant, ROUND_TRIP_MS / 2);
  }

  /** One script, behind those that the shard has to run before it. */
  function sync(operations: number, then: () => void): void {
    const ms = SCRIPT_MS + operations * OPERATION_MS;
    scripts++;
    busyMs += ms;
    busyUntil = Math.max(busyUntil, clock.now() + ROUND_TRIP_MS / 2) + ms;
    clock.setTimer(then, busyUntil + ROUND_TRIP_MS / 2 - clock.now());
  }

  function look(): void {
    for (const prefetched of nodes) idle += prefetched.size;
    looks++;
    clock.setTimer(look, 100);
  }
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0) / numbers.length;
}

function percent(part: number): string {
  return `${(100 * part).toFixed(1)} %`;
}
