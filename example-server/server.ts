import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from 'redis';
import { createApp } from './app.js';
import { createLimiters } from './limiters.js';
import { Playground } from './playground/playground.js';
import { prepareShutdown } from './shutdown.js';
import { Work } from './work.js';

/** Ctrl+C signals the terminal's whole process group, and npm passes it on once more: those count as one. */
const ONE_SIGNAL_MS = 1_000;

const {
  PORT = '3000',
  HOST = '127.0.0.1',
  SERVICE_MS = '100',
  // How long `/ready` says no before requests are refused: as long as the load balancer takes to notice.
  DRAIN_MS = '0',
  // Longest that a stop may take after that before it is forced.
  DEADLINE_MS = '10000',
  // The order of the line before /users, and whether its limit finds itself, unless the fleet shares it.
  ORDER,
  ADAPTIVE = '',
  // With it, this process and all others that are given it share their limits.
  REDIS_URL,
  NODES = '1',
  // What work asks, where it is not to be a mere wait.
  WORK_URL,
} = process.env;

const redis = REDIS_URL === undefined ? undefined : createClient({ url: REDIS_URL });
// It goes on trying, and the limits do without it meanwhile.
void redis?.connect();
const limiters = createLimiters(redis && { redis, expectedNodes: Number(NODES) }, {
  order: ORDER,
  isAdaptive: ADAPTIVE !== '',
});
const work = new Work(WORK_URL === undefined ? undefined : () => fetch(WORK_URL), Number(SERVICE_MS));
const playground = new Playground();
const stopping = new AbortController();
const server = createServer(createApp({ limiters, work, playground, stopping: stopping.signal }));
const shutDown = prepareShutdown(server, [...Object.values(limiters), playground]);

server.listen(Number(PORT), HOST, () => {
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : Number(PORT);
  playground.port = port;
  console.log(whatToTry(`http://${HOST}:${port}`));
});

process.on('SIGTERM', stop);
process.on('SIGINT', stop);
let stoppingSince: number | undefined;

/** The first signal lets what has begun come to its end, a later one does not. */
function stop(signal: NodeJS.Signals): void {
  if (stoppingSince !== undefined) {
    if (performance.now() - stoppingSince > ONE_SIGNAL_MS) force(`${signal} once more`);
    return;
  }
  stoppingSince = performance.now();
  stopping.abort();
  void drain(signal);
}

/** Whoever asks `/ready` has time to look elsewhere; then requests are refused, and what has begun comes to its end. */
async function drain(signal: NodeJS.Signals): Promise<void> {
  if (Number(DRAIN_MS) > 0) await sleep(Number(DRAIN_MS));
  console.log(`${signal}: no more requests, waiting for those in flight`);
  setTimeout(force, Number(DEADLINE_MS), `not done after ${DEADLINE_MS} ms`).unref();
  await shutDown();
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

and open ${url}/limits to watch the limiters, and to play with one.

The first is served, of the second's 20 requests at once some are refused, the third tells the counts.
More is on ${url}/ and in example-server/routes.`;
}
