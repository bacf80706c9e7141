import { Agent, get } from 'node:http';
import { setTimeout } from 'node:timers/promises';

/**
 * Sends requests to the playground at a rate that does not depend on the answers, as the outside world does. It runs in a
 * process of its own, which ends with its parent, and at the latest after two minutes.
 */

/** Message from the parent. */
export interface LoadOrder {
  /** Port of this machine that the requests go to. */
  readonly port: number;
  /** Arrivals per second, at most 200. */
  readonly rate: number;
}

/** Message to the parent: the counts of one second. */
export interface LoadReport {
  readonly sent: number;
  readonly served: number;
  readonly rejected: number;
  /** Clients that left after they had waited for a second. */
  readonly gaveUp: number;
}

const MAX_PER_SECOND = 200;
const MAX_RUN_MS = 120_000;
const PATIENCE_MS = 1_000;

const agent = new Agent({ keepAlive: true });
let order: LoadOrder | undefined;
let counts = { sent: 0, served: 0, rejected: 0, gaveUp: 0 };

process.on('message', (message) => {
  const isFirst = order === undefined;
  order = message as LoadOrder;
  if (isFirst) void run();
});
process.on('disconnect', () => process.exit());
// The parent may have ended while this module was loading.
if (!process.connected) process.exit();

async function run(): Promise<void> {
  const end = performance.now() + MAX_RUN_MS;
  setInterval(report, 1_000);
  for (let next = performance.now(); next < end; next += gap()) {
    await setTimeout(next - performance.now());
    send();
  }
  process.exit();
}

/** Arrivals are independent of one another, so the time between two of them is exponentially distributed. */
function gap(): number {
  const rate = Math.min(order?.rate ?? 0, MAX_PER_SECOND);
  return (-Math.log(1 - Math.random()) * 1_000) / Math.max(rate, 0.1);
}

function send(): void {
  counts.sent++;
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const request = get({ host: '127.0.0.1', port: order?.port, path: '/playground/work', agent, signal });
  request.on('response', (response) => {
    if (response.statusCode === 200) counts.served++;
    else counts.rejected++;
    response.resume().on('error', () => undefined);
  });
  request.on('error', () => {
    if (signal.aborted) counts.gaveUp++;
  });
}

function report(): void {
  process.send?.(counts satisfies LoadReport);
  counts = { sent: 0, served: 0, rejected: 0, gaveUp: 0 };
}
