import { HEADINGS, runPhase } from './demo-phase.js';
import type { PhaseResult } from './demo-phase.js';
import { readStats } from './read-stats.js';
import { startServer } from './start-server.js';

/** Address of a server that `npm start` started. */
const RUNNING = `http://127.0.0.1:${process.env['PORT'] ?? 3000}`;

/** Routes to load, the place of each limit in `/stats`, and a number of clients above it. */
const ROUTES = [
  { name: 'users', path: '/users', handlers: 'users', limitAt: ['users', 'permits'], tooMany: 30 },
  { name: 'orders', path: '/orders', handlers: 'orders', limitAt: ['orders', 'permits'], tooMany: 60 },
  { name: 'one user', path: '/me', handlers: 'me', limitAt: ['perUser', 'permitsPerKey'], tooMany: 20 },
];

const headers = { 'x-api-token': 'alice' };

/** Time in which a running example server answers, in milliseconds. */
const ANSWER_MS = 5_000;

/** Requests of each client. `--smoke` makes the demo short. */
const requests = process.argv.includes('--smoke') ? 4 : 8;

void main();

async function main(): Promise<void> {
  // A server that runs already can be watched on an open page.
  const server = (await isExample(RUNNING)) ? undefined : await startServer();
  const url = server?.url ?? RUNNING;
  console.log(`Watch it at ${url}/limits/`);
  const results = await runAll(url).finally(() => server?.stop());
  printTable(results);
  const faults = results.flatMap((result) => result.faults);
  const exitCode = server === undefined ? 0 : await server.exited;
  if (exitCode !== 0) faults.push(`the server ended with ${exitCode ?? 'a signal'}`);
  for (const fault of faults) console.error(`FAULT: ${fault}`);
  if (faults.length > 0) process.exitCode = 1;
  else {
    console.log('No limit was exceeded, and nothing was rejected below a limit.');
    if (server !== undefined) console.log('The server stopped cleanly.');
  }
}

/** Prints a table that fits 100 columns, and the codes of the rejections. */
function printTable(results: readonly PhaseResult[]): void {
  const rows = [HEADINGS, ...results.map(({ row }) => row.map(String))];
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  console.log();
  for (const row of rows) {
    const cells = row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return column === 0 ? cell.padEnd(width) : cell.padStart(width);
    });
    console.log(cells.join('  '));
  }
  console.log();
  for (const { name, rejected } of results) {
    for (const [code, count] of rejected) console.log(`${name}: ${count} rejected with ${code}`);
  }
}

/** Whether an example server listens there. Another program may hold the port, and may never answer. */
async function isExample(url: string): Promise<boolean> {
  try {
    const stats = await readStats(url, AbortSignal.timeout(ANSWER_MS));
    if (stats.names('limiters').includes('users')) return true;
  } catch (error) {
    // `fetch` could not connect.
    if (error instanceof TypeError) return false;
  }
  console.log(`Another program listens on ${url}, so the demo starts a server on a free port.`);
  return false;
}

/** Loads each route twice: with as many clients as its limit, and with more. */
async function runAll(url: string): Promise<PhaseResult[]> {
  const results: PhaseResult[] = [];
  for (const { name, path, handlers, limitAt, tooMany } of ROUTES) {
    // The limit of a user appears in `/stats` after the user's first request.
    await fetch(url + path, { headers });
    const limit = (await readStats(url)).number('limiters', ...limitAt);
    const load = { path, handlers, limit, headers, requests };
    results.push(await runPhase(url, { ...load, name: `${name}, below limit`, clients: limit }));
    results.push(await runPhase(url, { ...load, name: `${name}, above limit`, clients: tooMany }));
  }
  return results;
}
