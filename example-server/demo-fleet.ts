import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import autocannon from 'autocannon';
import { RedisServer } from '../__tests__/helpers/redis-server.js';
import { startServer } from './start-server.js';

/** The limit of `/orders` for the whole fleet; see `limiters.ts`. */
const LIMIT = 10;
const NODES = 3;
/** `--smoke` makes it short: the lease of a killed server ends after 3 s. */
const [SECONDS, KILL_AFTER_MS] = process.argv.includes('--smoke') ? [8, 2_000] : [12, 4_000];
const WORK_MS = 100;

void main();

/** Three servers share one limit, one of them is killed; what they all work on counts how many are at it at once. */
async function main(): Promise<void> {
  await using redis = await RedisServer.start();
  await using database = await Database.start();
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
  await sleep(KILL_AFTER_MS);
  const victim = servers.pop();
  database.whenBusy(`/${NODES - 1}`, () => victim?.stop('SIGKILL'));
  await Promise.all(loads);

  const { peak, served, missed, backAfterMs } = database;
  console.log(`${served} orders served, at most ${peak} at once; the limit is ${LIMIT}`);
  console.log(
    `one server was killed while it held ${missed}; the others had all ${LIMIT} after ${backAfterMs ?? '?'} ms`,
  );
  const codes = await Promise.all(servers.map((server) => server.stop()));

  const faults = [
    ...(peak > LIMIT ? [`${peak} at once`] : []),
    ...(peak < LIMIT ? [`never more than ${peak} at once`] : []),
    ...(backAfterMs === undefined ? ['the capacity of the killed server never came back'] : []),
    ...codes.filter((code) => code !== 0).map((code) => `a server ended with ${code ?? 'a signal'}`),
  ];
  for (const fault of faults) console.error(`FAULT: ${fault}`);
  if (faults.length > 0) process.exitCode = 1;
  else console.log("The fleet never passed its limit, and the killed server's permits came back.");
}

/** What all servers work on, each at a path of its own: it stands outside, and counts. */
class Database implements AsyncDisposable {
  peak = 0;
  served = 0;
  /** How many the killed server was working on. */
  missed = 0;
  /** When the others were at as many at once as the limit allows, counted from the kill. */
  backAfterMs: number | undefined;
  readonly #running = new Map<string, number>();
  #victim: string | undefined;
  #kill: (() => unknown) | undefined;
  #killedAt = 0;
  readonly #server = createServer(({ url = '' }, res) => {
    this.#count(url, 1);
    // Whoever asks may die before the answer.
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

  /** Kills the server that works at `path` as soon as it works on something; what it held then is missed for a lease. */
  whenBusy(path: string, kill: () => unknown): void {
    this.#victim = path;
    this.#kill = kill;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  #count(path: string, change: number): void {
    this.#running.set(path, (this.#running.get(path) ?? 0) + change);
    let all = 0;
    for (const running of this.#running.values()) all += running;
    this.peak = Math.max(this.peak, all);
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
