import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { gracefulShutdown } from 'express-semaphore';
import { createClient } from 'redis';
import { createApp } from './app.js';
import { createLimiters } from './limiters.js';
import { Playground } from './playground/playground.js';
import { Work } from './work.js';

/** Ctrl+C signals the process group of the terminal, and npm forwards the signal. Both count as one. */
const ONE_SIGNAL_MS = 1_000;

const {
  PORT = '3000',
  HOST = '127.0.0.1',
  SERVICE_MS = '100',
  // Time between the 503 of `/ready` and the first rejected request: the time that a load balancer needs to notice.
  DRAIN_MS = '0',
  // Maximum duration of a stop after that. Then the process exits.
  DEADLINE_MS = '10000',
  // Order of the queue of /users, and whether its limit is adaptive. A fleet ignores both.
  ORDER,
  ADAPTIVE = '',
  // All processes with the same Redis share their limits.
  REDIS_URL,
  NODES = '1',
  // A URL that each piece of work fetches. Without it work only waits.
  WORK_URL,
} = process.env;

const redis = REDIS_URL === undefined ? undefined : createClient({ url: REDIS_URL });
// The client reconnects by itself. The limiters work without Redis until then.
void redis?.connect();
const limiters = createLimiters(redis && { redis, expectedNodes: Number(NODES) }, {
  order: ORDER,
  isAdaptive: ADAPTIVE !== '',
});
const work = new Work(WORK_URL === undefined ? undefined : () => fetch(WORK_URL), Number(SERVICE_MS));
const playground = new Playground();
const stopping = new AbortController();
const server = createServer(createApp({ limiters, work, playground, stopping: stopping.signal }));
const shutDown = gracefulShutdown(server, limiters, { deadlineMs: Number(DEADLINE_MS) });

server.listen(Number(PORT), HOST, () => {
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : Number(PORT);
  playground.port = port;
  console.log(whatToTry(`http://${HOST}:${port}`));
});

server.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EADDRINUSE') throw error;
  console.error(`Port ${PORT} is in use. Choose another: PORT=3001 npm start`);
  process.exit(1);
});

process.on('SIGTERM', stop);
process.on('SIGINT', stop);
let stoppingSince: number | undefined;

/** The first signal starts an orderly stop. A later one exits at once. */
function stop(signal: NodeJS.Signals): void {
  if (stoppingSince !== undefined) {
    if (performance.now() - stoppingSince > ONE_SIGNAL_MS) force(`${signal} once more`);
    return;
  }
  stoppingSince = performance.now();
  stopping.abort();
  void drain(signal);
}

/** Waits until load balancers have noticed, then rejects new requests and finishes the running ones. */
async function drain(signal: NodeJS.Signals): Promise<void> {
  if (Number(DRAIN_MS) > 0) await sleep(Number(DRAIN_MS));
  console.log(`${signal}: no more requests, waiting for those in flight`);
  playground.close('the server is stopping');
  if (!(await shutDown())) force(`not done after ${DEADLINE_MS} ms`);
  redis?.destroy();
  console.log('stopped');
}

function force(why: string): never {
  console.error(`${why}: stopping at once`);
  process.exit(1);
}

function whatToTry(url: string): string {
  return `Listening on ${url}. Try:

  curl -si ${url}/users
  curl -Z --no-progress-meter -o /dev/null -w '%{http_code} ' '${url}/users?[1-20]'
  curl -s ${url}/stats

and open ${url}/limits/ to watch the limiters, and ${url}/playground/ to play with one.

The first is served. The second sends 20 requests at once, of which some are rejected. The third prints the stats.
More is on ${url}/ and in example-server/routes.`;
}
