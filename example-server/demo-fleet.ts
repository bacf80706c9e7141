import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import autocannon from 'autocannon';
import { RedisServer } from '../__tests__/helpers/redis-server.js';
import { SlownessMeter } from './slowness.js';
import { startServer } from './start-server.js';

/** The limit of `/orders` for the whole fleet. See `limiters.ts`. */
const LIMIT = 10;
/** Silence after which Redis counts as down, in milliseconds. See `limiters.ts`. */
const TIMEOUT_MS = 1_000;
const NODES = 3;
/** Bound of the first lease while Redis is down: what Redis has granted, and the share of each server. */
const DOWN_LIMIT = LIMIT + NODES * Math.ceil(LIMIT / NODES);
/** For how long Redis is stopped, in milliseconds: once for less than the timeout, once for more. */
const STOPS_MS = [450, 1_300];
/** Time in which a fleet goes back to its limit after a stop, in milliseconds. */
const RECOVERY_MS = 2_000;
/** `--smoke` makes the demo short. After the kill it must last longer than 3 s, the lease of a killed server. */
const [SECONDS, PHASE_MS] = process.argv.includes('--smoke') ? [14, 1_000] : [18, 2_000];
const WORK_MS = 100;

void main();

/**
 * Three servers share one limit. Their Redis is stopped twice, and then one server is killed. Their database counts the
 * requests that run at once.
 */
async function main(): Promise<void> {
  await using redis = await RedisServer.start();
  await using database = await Database.start();
  using slowness = new SlownessMeter();
  const servers = await Promise.all(
    Array.from({ length: NODES }, (_, node) =>
      startServer({
        env: { REDIS_URL: redis.url, NODES: String(NODES), WORK_URL: `${database.url}/${node}` },
      }),
    ),
  );
  console.log(`${NODES} servers share the limit of ${LIMIT} through ${redis.url}`);

  const loads = servers.map(({ url }) =>
    autocannon({ url: `${url}/orders`, connections: 20, duration: SECONDS, overallRate: 100 }),
  );
  const faults: string[] = [];
  await sleep(PHASE_MS);
  for (const stopMs of STOPS_MS) {
    judge('while Redis was up', LIMIT, database.takePeak());
    const bound = stopMs < TIMEOUT_MS ? LIMIT : DOWN_LIMIT;
    console.log(`Redis stops for ${stopMs} ms: ${whichBound(stopMs)}`);
    redis.signal('SIGSTOP');
    await sleep(stopMs);
    redis.signal('SIGCONT');
    await sleep(RECOVERY_MS);
    judge(`around the stop of ${stopMs} ms`, bound, database.takePeak());
  }
  await sleep(PHASE_MS);
  const victim = servers.pop();
  database.whenBusy(`/${NODES - 1}`, () => victim?.stop('SIGKILL'));
  await Promise.all(loads);

  const { served, missed, backAfterMs } = database;
  const peak = database.takePeak();
  judge('after that', LIMIT, peak);
  console.log(`${served} orders served`);
  console.log(
    `one server was killed while it held ${missed}; the others had all ${LIMIT} after ${backAfterMs ?? '?'} ms`,
  );
  const codes = await Promise.all(servers.map((server) => server.stop()));

  if (peak < LIMIT) faults.push(`never more than ${peak} at once`);
  if (backAfterMs === undefined) faults.push('the permits of the killed server were never free again');
  for (const code of codes) if (code !== 0) faults.push(`a server ended with ${code ?? 'a signal'}`);
  const { reason } = slowness;
  if (faults.length === 0) {
    console.log('The fleet never exceeded its bounds, and the permits of the killed server were free again.');
  } else if (reason !== undefined) {
    console.log(`The machine was too slow to judge: ${reason}. Seen: ${faults.join(', ')}.`);
  } else {
    for (const fault of faults) console.error(`FAULT: ${fault}`);
    process.exitCode = 1;
  }

  function judge(when: string, bound: number, peak: number): void {
    console.log(`at most ${peak} at once ${when}; the bound is ${bound}`);
    if (peak > bound) faults.push(`${peak} at once ${when}`);
  }
}

function whichBound(stopMs: number): string {
  if (stopMs < TIMEOUT_MS)
    return `it does not count as down before ${TIMEOUT_MS} ms, so the limit of ${LIMIT} applies`;
  const share = Math.ceil(LIMIT / NODES);
  return `each server may grant ${share} by itself, so the bound is ${LIMIT} + ${NODES} x ${share} = ${DOWN_LIMIT}`;
}

/** The database of all servers, each at a path of its own. It counts the requests that run at once. */
class Database implements AsyncDisposable {
  served = 0;
  /** Number of requests of the killed server. */
  missed = 0;
  /** Time from the kill until the others ran as many requests as the limit allows, in milliseconds. */
  backAfterMs: number | undefined;
  readonly #running = new Map<string, number>();
  #peak = 0;
  #victim: string | undefined;
  #kill: (() => unknown) | undefined;
  #killedAt = 0;
  readonly #server = createServer(({ url = '' }, res) => {
    this.#count(url, 1);
    // The server that sent the request may be killed before the answer.
    res.on('close', () => {
      this.#count(url, -1);
    });
    setTimeout(() => {
      this.served++;
      res.end();
    }, WORK_MS);
  });

  static async start(): Promise<Database> {
    const database = new Database();
    database.#server.listen(0, '127.0.0.1');
    await once(database.#server, 'listening');
    return database;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Most requests that ran at once since the last call. */
  takePeak(): number {
    const peak = this.#peak;
    this.#peak = this.#sum();
    return peak;
  }

  /** Kills the server at `path` as soon as it has a request. Its permits are missing for the length of a lease. */
  whenBusy(path: string, kill: () => unknown): void {
    this.#victim = path;
    this.#kill = kill;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  #sum(): number {
    let all = 0;
    for (const running of this.#running.values()) all += running;
    return all;
  }

  #count(path: string, change: number): void {
    this.#running.set(path, (this.#running.get(path) ?? 0) + change);
    const all = this.#sum();
    this.#peak = Math.max(this.#peak, all);
    if (this.#victim === undefined) return;
    const victims = this.#running.get(this.#victim) ?? 0;
    if (this.#kill !== undefined && victims > 0) {
      this.#kill();
      this.#kill = undefined;
      this.#killedAt = performance.now();
      this.missed = victims;
    } else if (this.#kill === undefined && all - victims === LIMIT) {
      this.backAfterMs ??= Math.round(performance.now() - this.#killedAt);
    }
  }
}
