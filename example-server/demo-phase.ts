import autocannon from 'autocannon';

/** One kind of load on one route. */
export interface Phase {
  readonly name: string;
  readonly path: string;
  /** What the route's handlers are called in `/stats`. */
  readonly handlers: string;
  readonly limit: number;
  readonly connections: number;
  readonly headers?: Record<string, string>;
}

/** A phase's line of the table, and what went wrong. */
export interface PhaseResult {
  readonly name: string;
  readonly table: Record<string, string | number>;
  readonly faults: readonly string[];
}

/** Loads the route for a while, telling how it goes on, and compares what came of it with the limit. */
export async function runPhase(url: string, phase: Phase, seconds: number): Promise<PhaseResult> {
  const answers = await load(url, phase, seconds);
  const highest = await highestSeen(url, phase.handlers);
  const { name, limit, connections } = phase;
  const { served, refused, retryAfter, times } = answers;
  const refusals = [...refused.values()].reduce((sum, count) => sum + count, 0);

  const faults: string[] = [];
  if (served === 0) faults.push(`${name}: nothing was served`);
  if (highest > limit) faults.push(`${name}: ${highest} handlers at once, the limit is ${limit}`);
  if (answers.errors > 0) faults.push(`${name}: ${answers.errors} connections failed`);
  if (connections <= limit && refusals > 0) faults.push(`${name}: ${refusals} refused below the limit`);
  if (connections > limit && refusals === 0) faults.push(`${name}: nothing was refused above the limit`);
  if (refusals > 0 && retryAfter.size === 0) faults.push(`${name}: refusals without Retry-After`);

  return {
    name,
    faults,
    table: {
      clients: connections,
      sent: answers.sent,
      served,
      refused: [...refused].map(([code, count]) => `${code} ${count}`).join(', ') || 0,
      'p50 ms': percentile(times, 0.5),
      'p99 ms': percentile(times, 0.99),
      'Retry-After': [...retryAfter].sort().join(', '),
      'highest seen': highest,
      limit,
    },
  };
}

interface Answers {
  sent: number;
  served: number;
  errors: number;
  /** By status and code. */
  readonly refused: Map<string, number>;
  readonly retryAfter: Set<string>;
  /** Milliseconds that each served request took. */
  readonly times: number[];
}

async function load(url: string, phase: Phase, seconds: number): Promise<Answers> {
  const { name, path, headers = {}, connections } = phase;
  const answers: Answers = {
    sent: 0,
    served: 0,
    errors: 0,
    refused: new Map(),
    retryAfter: new Set(),
    times: [],
  };

  function watch(client: autocannon.Client): void {
    let body = '';
    client.on('body', (chunk) => (body += chunk.toString()));
    client.on('headers', (head) => {
      // autocannon hands out the parser's own form: names and values in turn.
      const raw = Array.isArray(head['headers']) ? head['headers'] : [];
      const index = raw.indexOf('Retry-After');
      if (index >= 0) answers.retryAfter.add(String(raw[index + 1]));
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

  // A steady rate, so that refused clients do not ask again at once, as no good client does.
  const overallRate = connections > phase.limit ? connections * 8 : undefined;
  const run = autocannon({
    url: url + path,
    headers,
    connections,
    duration: seconds,
    setupClient: watch,
    ...(overallRate !== undefined && { overallRate }),
  });
  const result = await run;
  answers.sent = result.requests.sent;
  answers.errors = result.errors;
  console.log(`${name}: done`);
  return answers;
}

async function highestSeen(url: string, handlers: string): Promise<number> {
  const response = await fetch(`${url}/stats`);
  const stats = (await response.json()) as { handlers: Record<string, { highest: number } | undefined> };
  return stats.handlers[handlers]?.highest ?? 0;
}

function percentile(times: number[], share: number): number {
  const sorted = times.toSorted((a, b) => a - b);
  return Math.round(sorted[Math.floor(share * (sorted.length - 1))] ?? 0);
}
