import { runPhase } from './demo-phase.js';
import type { Phase } from './demo-phase.js';
import { startServer } from './start-server.js';

/** The limits that the phases stay below or go above; see `limiters.ts`. */
const USERS = { path: '/users', handlers: 'users', limit: 3 };
const ORDERS = { path: '/orders', handlers: 'orders', limit: 10 };
const ONE_USER = { path: '/me', handlers: 'me', limit: 2, headers: { 'x-api-token': 'alice' } };

const PHASES: readonly Phase[] = [
  { name: 'users, below the limit', ...USERS, connections: 3 },
  { name: 'users, above the limit', ...USERS, connections: 30 },
  { name: 'orders, below the limit', ...ORDERS, connections: 10 },
  { name: 'orders, above the limit', ...ORDERS, connections: 60 },
  { name: 'one user, below the limit', ...ONE_USER, connections: 2 },
  { name: 'one user, above the limit', ...ONE_USER, connections: 20 },
];

/** `--smoke` makes it short. */
const seconds = process.argv.includes('--smoke') ? 1 : 2.5;

void main();

async function main(): Promise<void> {
  const server = await startServer();
  const rows: Awaited<ReturnType<typeof runPhase>>[] = [];
  for (const phase of PHASES) rows.push(await runPhase(server.url, phase, seconds));
  console.table(Object.fromEntries(rows.map(({ name, table }) => [name, table])));

  const faults = rows.flatMap((row) => row.faults);
  const exitCode = await server.stop();
  if (exitCode !== 0) faults.push(`the server ended with ${exitCode ?? 'a signal'}`);
  for (const fault of faults) console.error(`FAULT: ${fault}`);
  if (faults.length > 0) process.exitCode = 1;
  else
    console.log('No limit was exceeded, nothing was refused below a limit, and the server stopped cleanly.');
}
