// Cost of `limit` in an Express app: requests a second behind it, with and without options, and behind its peers, compared
// with a no-op middleware.
// Each measurement starts a fresh server process.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import autocannon from 'autocannon';
import { compare, interleave, report, smoke } from './harness.mjs';

const RESTARTS = 5;
const WARM_UP = { duration: 1 };
const LOAD = smoke ? { amount: 200 } : { duration: 4 };
const CONNECTIONS = 20;

const SUBJECTS = [
  'no-op',
  'express-semaphore',
  'express-semaphore with maxHoldMs',
  'express-semaphore with rateLimitHeaders',
  'express-rate-limit',
  'express-queue',
];

const samples = await interleave(
  Object.fromEntries(SUBJECTS.map((name) => [name, () => requestsPerSecond(name)])),
  RESTARTS,
);

report(
  'Express 5: requests a second; ratio to a no-op middleware',
  'requests a second',
  compare(samples, 'no-op', { 'express-semaphore': '>= 0.98' }),
);

async function requestsPerSecond(name) {
  const server = fork(new URL('express-server.mjs', import.meta.url), [name]);
  const exited = once(server, 'exit');
  const [port] = await Promise.race([once(server, 'message'), exited.then(failedToStart)]);
  try {
    const url = `http://127.0.0.1:${port}`;
    if (!smoke) await autocannon({ url, connections: CONNECTIONS, ...WARM_UP });
    const result = await autocannon({ url, connections: CONNECTIONS, ...LOAD });
    if (result.errors > 0 || result.non2xx > 0) throw new Error(`${name} failed some requests`);
    return result['2xx'] / result.duration;
  } finally {
    server.disconnect();
    await exited;
  }
}

function failedToStart([code]) {
  throw new Error(`the server ended with code ${code}`);
}
