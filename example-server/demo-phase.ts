import autocannon from 'autocannon';
import { readStats } from './read-stats.js';

/** One kind of load on one route. */
export interface Phase {
  readonly name: string;
  readonly path: string;
  /** Name of the route's handlers in `/stats`. */
  readonly handlers: string;
  readonly limit: number;
  readonly clients: number;
  readonly headers: Record<string, string>;
  /** Requests of each client. */
  readonly requests: number;
}

/** Row of the table of results, and the faults found. */
export interface PhaseResult {
  readonly name: string;
  readonly row: readonly (string | number)[];
  /** Number of rejections, by status and code. */
  readonly rejected: ReadonlyMap<string, number>;
  readonly faults: readonly string[];
}

/** Loads the route, prints the counts once a second, and compares the results with the limit. */
export async function runPhase(url: string, phase: Phase): Promise<PhaseResult> {
  const answers = await load(url, phase);
  const stats = await readStats(url);
  const highest = stats.number('handlers', phase.handlers, 'highest');
  const { name, limit, clients } = phase;
  const { sent, served, rejected, errors, retryAfter, times } = answers;
  const rejections = sumOf(rejected);
  const unaccounted = sent - served - rejections - errors;

  const faults: string[] = [];
  if (served === 0) faults.push('nothing was served');
  if (highest > limit) faults.push(`${highest} handlers at once, the limit is ${limit}`);
  if (errors > 0) faults.push(`${errors} requests failed`);
  if (unaccounted !== 0) faults.push(`${unaccounted} requests with no answer`);
  if (clients <= limit && rejections > 0) faults.push(`${rejections} rejected below the limit`);
  if (clients > limit && rejections === 0) faults.push('nothing was rejected above the limit');
  if (answers.withRetryAfter !== rejections) faults.push('rejections without Retry-After');

  return {
    name,
    faults: faults.map((fault) => `${name}: ${fault}`),
    rejected,
    row: [
      name,
      clients,
      sent,
      served,
      rejections,
      errors,
      percentile(times, 0.5),
      percentile(times, 0.99),
      rangeOf(retryAfter),
      `${highest} of ${limit}`,
    ],
  };
}

/** Headings of the columns of a row. */
export const HEADINGS = [
  'load',
  'clients',
  'sent',
  'served',
  'rejected',
  'errors',
  'p50 ms',
  'p99 ms',
  'retry s',
  'at once',
];

class Answers {
  sent = 0;
  served = 0;
  errors = 0;
  withRetryAfter = 0;
  /** Number of rejections, by status and code. */
  readonly rejected = new Map<string, number>();
  /** Values of `Retry-After`, in seconds. */
  readonly retryAfter = new Set<number>();
  /** Duration of each served request, in milliseconds. */
  readonly times: number[] = [];
}

/** Each client sends its requests one after the other. The phase ends with the last answer. */
async function load(url: string, phase: Phase): Promise<Answers> {
  const { name, path, limit, headers, clients, requests } = phase;
  const answers = new Answers();
  let printed = '';
  function printCounts(): void {
    const counts = `${name}: ${answers.sent} sent, ${answers.served} served, ${sumOf(answers.rejected)} rejected`;
    if (counts !== printed) console.log(counts);
    printed = counts;
  }

  await new Promise<void>((resolve, reject) => {
    const options = {
      url: url + path,
      headers,
      connections: clients,
      amount: clients * requests,
      setupClient: (client: autocannon.Client) => {
        watch(client, answers);
      },
      // A rejected client that retries at once would only be rejected again.
      ...(clients > limit && { connectionRate: REQUESTS_PER_SECOND }),
    };
    const run = autocannon(options, (error: unknown) => {
      if (error instanceof Error) reject(error);
      else resolve();
    });
    run.on('tick', printCounts);
  });
  return answers;
}

/** Requests per second of each client above the limit. The first ones come as a burst. */
const REQUESTS_PER_SECOND = 8;

function watch(client: autocannon.Client, answers: Answers): void {
  let body = '';
  // The types of autocannon have only some of the events.
  const events: NodeJS.EventEmitter = client;
  events.on('request', () => answers.sent++);
  events.on('connError', () => answers.errors++);
  events.on('timeout', () => answers.errors++);
  client.on('body', (chunk) => (body += chunk.toString()));
  client.on('headers', (head) => {
    // autocannon passes the raw headers: names and values in turn.
    const raw = Array.isArray(head['headers']) ? head['headers'] : [];
    const index = raw.indexOf('Retry-After');
    if (index < 0) return;
    answers.withRetryAfter++;
    answers.retryAfter.add(Number(raw[index + 1]));
  });
  client.on('response', (status, _bytes, ms) => {
    if (status < 400) {
      answers.served++;
      answers.times.push(ms);
    } else {
      const code = `${status} ${/ERR_SEMAPHORE_(\w+)/.exec(body)?.[1] ?? ''}`;
      answers.rejected.set(code, (answers.rejected.get(code) ?? 0) + 1);
    }
    body = '';
  });
}

function sumOf(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}

/** The lowest and the highest of some numbers, as in `1-3`. */
function rangeOf(numbers: ReadonlySet<number>): string {
  if (numbers.size === 0) return '';
  const [lowest, highest] = [Math.min(...numbers), Math.max(...numbers)];
  return lowest === highest ? String(lowest) : `${lowest}-${highest}`;
}

function percentile(times: readonly number[], share: number): number {
  const sorted = times.toSorted((a, b) => a - b);
  return Math.round(sorted[Math.floor(share * (sorted.length - 1))] ?? 0);
}
