import { Agent, get } from 'node:http';
import { setTimeout } from 'node:timers/promises';

/**
 * Sends requests to the playground at a rate that its answers have no say in, as the outside world does. It runs in a
 * process of its own, which ends with its parent, and in any case after two minutes.
 */

/** What the parent tells it. */
export interface LoadOrder {
  /** Where to send requests: a port of this machine. */
  readonly port: number;
  /** Arrivals a second, 200 at most. */
  readonly rate: number;
}

/** What it tells of each second. */
export interface LoadReport {
  readonly sent: number;
  readonly served: number;
  readonly refused: number;
  /** Clients that had waited for a second, and left. */
  readonly gaveUp: number;
}

const MOST_A_SECOND = 200;
const LONGEST_RUN_MS = 120_000;
const PATIENCE_MS = 1_000;

const agent = new Agent({ keepAlive: true });
let order: LoadOrder | undefined;
let counts = { sent: 0, served: 0, refused: 0, gaveUp: 0 };

process.on('message', (message) => {
  const isFirst = order === undefined;
  order = message as LoadOrder;
  if (isFirst) void run();
});
process.on('disconnect', () => process.exit());

async function run(): Promise<void> {
  const end = performance.now() + LONGEST_RUN_MS;
  setInterval(report, 1_000);
  for (let next = performance.now(); next < end; next += gap()) {
    await setTimeout(next - performance.now());
    send();
  }
  process.exit();
}

/** Arrivals know nothing of one another, so the time between two of them is exponentially distributed. */
function gap(): number {
  const rate = Math.min(order?.rate ?? 0, MOST_A_SECOND);
  return (-Math.log(1 - Math.random()) * 1_000) / Math.max(rate, 0.1);
}

function send(): void {
  counts.sent++;
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const request = get({ host: '127.0.0.1', port: order?.port, path: '/playground', agent, signal });
  request.on('response', (response) => {
    if (response.statusCode === 200) counts.served++;
    else counts.refused++;
    response.resume().on('error', () => undefined);
  });
  request.on('error', () => {
    if (signal.aborted) counts.gaveUp++;
  });
}

function report(): void {
  process.send?.(counts satisfies LoadReport);
  counts = { sent: 0, served: 0, refused: 0, gaveUp: 0 };
}
