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
const NODES = 3;
/** `--smoke` makes the demo short. It must be longer than 3 s, the lease of a killed server. */
const [SECONDS, KILL_AFTER_MS] = process.argv.includes('--smoke') ? [8, 2_000] : [12, 4_000];
const WORK_MS = 100;

void main();

/** Three servers share one limit, and one of them is killed. Their database counts the requests that run at once. */
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
    ...(backAfterMs === undefined ? ['the permits of the killed server were never free again'] : []),
    ...codes.filter((code) => code !== 0).map((code) => `a server ended with ${code ?? 'a signal'}`),
  ];
  const { reason } = slowness;
  if (faults.length === 0) {
    console.log('The fleet never exceeded its limit, and the permits of the killed server were free again.');
  } else if (reason !== undefined) {
    console.log(`The machine was too slow to judge: ${reason}. Seen: ${faults.join(', ')}.`);
  } else {
    for (const fault of faults) console.error(`FAULT: ${fault}`);
    process.exitCode = 1;
  }
}

/** The database of all servers, each at a path of its own. It counts the requests that run at once. */
class Database implements AsyncDisposable {
  peak = 0;
  served = 0;
  /** Number of requests of the killed server. */
  missed = 0;
  /** Time from the kill until the others ran as many requests as the limit allows, in milliseconds. */
  backAfterMs: number | undefined;
  readonly #running = new Map<string, number>();
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
