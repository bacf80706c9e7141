import { runPhase } from './demo-phase.js';
import type { PhaseResult } from './demo-phase.js';
import { readStats } from './read-stats.js';
import { startServer } from './start-server.js';

/** Where `npm start` listens. */
const RUNNING = `http://127.0.0.1:${process.env['PORT'] ?? 3000}`;

/** What is loaded: a route, where `/stats` tells its limit, and how many clients are too many. */
const ROUTES = [
  { name: 'users', path: '/users', handlers: 'users', limitAt: ['users', 'permits'], tooMany: 30 },
  { name: 'orders', path: '/orders', handlers: 'orders', limitAt: ['orders', 'permits'], tooMany: 60 },
  { name: 'one user', path: '/me', handlers: 'me', limitAt: ['perUser', 'permitsPerKey'], tooMany: 20 },
];

const headers = { 'x-api-token': 'alice' };

/** Requests of each client; `--smoke` makes it short. */
const requests = process.argv.includes('--smoke') ? 4 : 8;

void main();

async function main(): Promise<void> {
  // One that runs already can be watched meanwhile.
  const server = (await isExample(RUNNING)) ? undefined : await startServer();
  const url = server?.url ?? RUNNING;
  console.log(`Watch it at ${url}/limits`);
  const results = await runAll(url).finally(() => server?.stop());
  console.table(Object.fromEntries(results.map(({ name, table }) => [name, table])));
  const faults = results.flatMap((result) => result.faults);
  const exitCode = server === undefined ? 0 : await server.exited;
  if (exitCode !== 0) faults.push(`the server ended with ${exitCode ?? 'a signal'}`);
  for (const fault of faults) console.error(`FAULT: ${fault}`);
  if (faults.length > 0) process.exitCode = 1;
  else {
    console.log('No limit was passed, and nothing was refused below one.');
    if (server !== undefined) console.log('The server stopped cleanly.');
  }
}

async function isExample(url: string): Promise<boolean> {
  try {
    return (await readStats(url)).names('limiters').includes('users');
  } catch {
    return false;
  }
}

/** Each route below its limit, with as many clients as it lets in, and above it. */
async function runAll(url: string): Promise<PhaseResult[]> {
  const results: PhaseResult[] = [];
  for (const { name, path, handlers, limitAt, tooMany } of ROUTES) {
    // A user's limit shows once the server has seen the user.
    await fetch(url + path, { headers });
    const limit = (await readStats(url)).number('limiters', ...limitAt);
    const load = { path, handlers, limit, headers, requests };
    results.push(await runPhase(url, { ...load, name: `${name}, below the limit`, clients: limit }));
    results.push(await runPhase(url, { ...load, name: `${name}, above the limit`, clients: tooMany }));
  }
  return results;
}
