import autocannon from 'autocannon';
import { readStats } from './read-stats.js';

/** One kind of load on one route. */
export interface Phase {
  readonly name: string;
  readonly path: string;
  /** What the route's handlers are called in `/stats`. */
  readonly handlers: string;
  readonly limit: number;
  readonly clients: number;
  readonly headers: Record<string, string>;
  /** Requests of each client. */
  readonly requests: number;
}

/** A phase's line of the table, and what went wrong. */
export interface PhaseResult {
  readonly name: string;
  readonly table: Record<string, string | number>;
  readonly faults: readonly string[];
}

/** Loads the route, telling each second how it goes on, and compares what came of it with the limit. */
export async function runPhase(url: string, phase: Phase): Promise<PhaseResult> {
  const answers = await load(url, phase);
  const stats = await readStats(url);
  const highest = stats.number('handlers', phase.handlers, 'highest');
  const { name, limit, clients } = phase;
  const { sent, served, refused, errors, retryAfter, times } = answers;
  const refusals = sumOf(refused);
  const unaccounted = sent - served - refusals - errors;

  const faults: string[] = [];
  if (served === 0) faults.push('nothing was served');
  if (highest > limit) faults.push(`${highest} handlers at once, the limit is ${limit}`);
  if (errors > 0) faults.push(`${errors} requests failed`);
  if (unaccounted !== 0) faults.push(`${unaccounted} requests with no answer`);
  if (clients <= limit && refusals > 0) faults.push(`${refusals} refused below the limit`);
  if (clients > limit && refusals === 0) faults.push('nothing was refused above the limit');
  if (answers.withRetryAfter !== refusals) faults.push('refusals without Retry-After');

  return {
    name,
    faults: faults.map((fault) => `${name}: ${fault}`),
    table: {
      clients,
      sent,
      served,
      refused: [...refused].map(([code, count]) => `${code} ${count}`).join(', ') || 0,
      errors,
      'p50 ms': percentile(times, 0.5),
      'p99 ms': percentile(times, 0.99),
      'Retry-After': [...retryAfter].sort().join(', '),
      'highest seen': highest,
      limit,
    },
  };
}

class Answers {
  sent = 0;
  served = 0;
  errors = 0;
  withRetryAfter = 0;
  /** By status and code. */
  readonly refused = new Map<string, number>();
  readonly retryAfter = new Set<string>();
  /** Milliseconds that each served request took. */
  readonly times: number[] = [];
}

/** Each client sends its requests one after the other, and the phase ends with the last answer: none is cut off. */
async function load(url: string, phase: Phase): Promise<Answers> {
  const { name, path, limit, headers, clients, requests } = phase;
  const answers = new Answers();
  let told = '';
  function tell(): void {
    const line = `${name}: ${answers.sent} sent, ${answers.served} served, ${sumOf(answers.refused)} refused`;
    if (line !== told) console.log(line);
    told = line;
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
      // Refused clients that ask again at once would only be refused again.
      ...(clients > limit && { connectionRate: REQUESTS_PER_SECOND }),
    };
    const run = autocannon(options, (error: unknown) => {
      if (error instanceof Error) reject(error);
      else resolve();
    });
    run.on('tick', tell);
  });
  return answers;
}

/** Requests a second of each client above the limit; its first ones come as a burst. */
const REQUESTS_PER_SECOND = 8;

function watch(client: autocannon.Client, answers: Answers): void {
  let body = '';
  // Its types know only some of the events.
  const events: NodeJS.EventEmitter = client;
  events.on('request', () => answers.sent++);
  events.on('connError', () => answers.errors++);
  events.on('timeout', () => answers.errors++);
  client.on('body', (chunk) => (body += chunk.toString()));
  client.on('headers', (head) => {
    // autocannon hands out the parser's own form: names and values in turn.
    const raw = Array.isArray(head['headers']) ? head['headers'] : [];
    const index = raw.indexOf('Retry-After');
    if (index < 0) return;
    answers.withRetryAfter++;
    answers.retryAfter.add(String(raw[index + 1]));
  });
  client.on('response', (status, _bytes, ms) => {
    if (status < 400) {
      answers.served++;
      answers.times.push(ms);
    } else {
      const code = `${status} ${/ERR_SEMAPHORE_(\w+)/.exec(body)?.[1] ?? ''}`;
      answers.refused.set(code, (answers.refused.get(code) ?? 0) + 1);
    }
    body = '';
  });
}

function sumOf(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}

function percentile(times: readonly number[], share: number): number {
  const sorted = times.toSorted((a, b) => a - b);
  return Math.round(sorted[Math.floor(share * (sorted.length - 1))] ?? 0);
}
