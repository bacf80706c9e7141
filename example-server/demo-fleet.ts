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
const SECONDS = 12;
const KILL_AFTER_MS = 4_000;
const WORK_MS = 100;

void main();

/** Three servers share one limit, one of them is killed; what they all work on counts how many are at it at once. */
async function main(): Promise<void> {
  await using redis = await RedisServer.start();
  await using database = await Database.start();
  const env = { REDIS_URL: redis.url, NODES: String(NODES), WORK_URL: database.url };
  const servers = await Promise.all(Array.from({ length: NODES }, () => startServer({ env })));
  console.log(`${NODES} servers share the limit of ${LIMIT} through ${redis.url}`);

  const loads = servers.map(({ url }) =>
    autocannon({ url: `${url}/orders`, connections: 20, duration: SECONDS, overallRate: 100 }),
  );
  await sleep(KILL_AFTER_MS);
  const victim = servers.pop();
  database.mark();
  const died = victim?.stop('SIGKILL');
  console.log('one of them is killed');
  await Promise.all([...loads, died]);

  const { peak, served, lowestSinceMark, backAfterMs } = database;
  console.log(`${served} orders served, at most ${peak} at once; the limit is ${LIMIT}`);
  console.log(
    `after the kill ${lowestSinceMark} at once at least, and all ${LIMIT} again after ${backAfterMs ?? '?'} ms`,
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

/** What all servers work on: it stands outside, and counts. */
class Database implements AsyncDisposable {
  peak = 0;
  served = 0;
  lowestSinceMark = Infinity;
  backAfterMs: number | undefined;
  #running = 0;
  #markedAt: number | undefined;
  readonly #server = createServer((_req, res) => {
    this.peak = Math.max(this.peak, ++this.#running);
    this.#look();
    // Whoever asks may die before the answer.
    res.on('close', () => {
      this.#running--;
      this.#look();
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

  /** From now on it looks how low concurrency falls, and when it is back. */
  mark(): void {
    this.#markedAt = performance.now();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  #look(): void {
    if (this.#markedAt === undefined || this.backAfterMs !== undefined) return;
    this.lowestSinceMark = Math.min(this.lowestSinceMark, this.#running);
    if (this.#running === LIMIT && this.lowestSinceMark < LIMIT - 1) {
      this.backAfterMs = Math.round(performance.now() - this.#markedAt);
    }
  }
}
