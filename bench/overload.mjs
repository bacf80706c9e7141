// Overload for real: each way to limit, and what else a user might choose, driven at multiples of what the server can serve.
// Clients do not wait for one another and need an answer within 250 ms. Then: other clients, a burst of a minute, and what a
// rejection costs the processor.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import autocannon from 'autocannon';
import { compare, interleave, isMet, report, smoke, publish } from './harness.mjs';

const DEADLINE_MS = 250;
const SERVICE_MS = 21;
const BUCKET_MS = 100;
const PLAIN = 'limitServer, maxWaitMs 30';
const HELD = 'limitServer, holdBack, maxWaitMs 30';
const INSIDE = 'limit inside Express, maxWaitMs 100';
const SUBJECTS = [
  'none',
  INSIDE,
  'the same, waiters start in one turn',
  PLAIN,
  'limitServer, lifo, short queue',
  HELD,
  'limitServer, adaptive, maxWaitMs 30',
  'toobusy-js',
  'overload-protection',
  '@fastify/under-pressure',
  'express-queue',
  'a counter',
];
const GOALS = { [`${PLAIN} at 5x`]: 0.95, [`${PLAIN} at 10x`]: 0.8, [`${HELD} at 10x`]: 0.93 };
const CLIENTS = {
  'without keep-alive': { keepAlive: false },
  'obeying Retry-After': { obeys: true },
  'three tries': { tries: 3 },
};
const LOADS = smoke ? [5] : [5, 10];
/** The load before, during and after the burst, and how long each lasts. */
const CALM = 0.8;
const SECONDS = smoke ? [0.2, 0.4, 0.3] : [1, 3, 2.5];
const MINUTE = smoke ? 0.4 : 60;
const GENERATORS = 2;
/** More connections than a server that rejects overload ever uses at once. */
const CONNECTIONS = smoke ? 200 : 2_000;
const ROUNDS = smoke ? 1 : 9;

const HEAD = [
  '',
  'load',
  'goodput',
  'rejected',
  'without a connection',
  'late or lost',
  'p50 ms',
  'p99 ms',
  'back after ms',
  'sent late by ms',
  'generator',
];

const peer = fork(new URL('overload-peer.mjs', import.meta.url));
const [{ port: peerPort }] = await once(peer, 'message');

let permits = 1;
const capacity = await findCapacity();
permits = Math.ceil((1.2 * capacity * SERVICE_MS) / 1_000);
console.log(`Capacity: ${capacity.toFixed(0)} requests a second; fixed limits have ${permits} permits.`);

const subjects = smoke ? [SUBJECTS[0], PLAIN, '@fastify/under-pressure'] : SUBJECTS;
await compareRejections();
await table(
  `Overload: goodput as a part of capacity, answers within ${DEADLINE_MS} ms`,
  subjects.flatMap((subject) => LOADS.map((load) => ({ subject, load }))),
);
await table(
  'Overload by other clients: goodput as a part of capacity, 5 times the capacity',
  (smoke ? [HELD] : [PLAIN, HELD]).flatMap((subject) =>
    Object.keys(CLIENTS).map((client) => ({ subject, load: 5, client })),
  ),
);
await table('Overload for a minute: goodput as a part of capacity', [
  { subject: PLAIN, load: 10, seconds: MINUTE },
]);
peer.disconnect();

/** Requests a second that the bare server serves to as many clients as keep it busy. */
async function findCapacity() {
  return await withServer('none', async ({ url }) => {
    const load = { url: `${url}/work`, connections: 60 };
    await autocannon({ ...load, duration: 1 });
    const { requests, duration } = await autocannon({ ...load, duration: smoke ? 1 : 6 });
    return requests.total / duration;
  });
}

async function table(title, runs) {
  const results = [];
  for (const run of runs) {
    progress(`${results.length + 1}/${runs.length} ${nameOf(run)}`);
    results.push({ ...run, ...(await overload(run)) });
  }
  progress('');
  publish({
    title,
    unit: 'of capacity',
    note: `A request without a free connection is not sent: its client waits for a server that does not answer.
"Back after" is the time from the end of the burst until 95 % of the requests of each ${BUCKET_MS} ms, at ${CALM} times the
capacity, were served in time. The load comes from ${GENERATORS} processes, which must not be the limit. The last two columns show it:
how late they sent (the 99th percentile), and the share of a core that the busier one used.`,
    rows: results.map(judge),
    cells: [HEAD, ...results.map(cellsOf)],
  });
}

function cellsOf(result) {
  const { sent, rejected, withoutConnection, latencies } = result;
  const lost = sent - result.good - rejected - withoutConnection;
  return [
    result.client === undefined ? result.subject : `${result.subject}; ${result.client}`,
    `${result.load}x`,
    goodput(result).toFixed(2),
    percent(rejected / sent),
    percent(withoutConnection / sent),
    percent(Math.max(0, lost) / sent),
    milliseconds(latencies, 0.5),
    milliseconds(latencies, 0.99),
    result.backMs === undefined ? 'not' : result.backMs.toFixed(0),
    milliseconds(result.lateMs, 0.99),
    percent(result.share),
  ];
}

function nameOf({ subject, load, client }) {
  return client === undefined ? `${subject} at ${load}x` : `${subject}; ${client} at ${load}x`;
}

function judge(result) {
  const row = { subject: nameOf(result), figure: goodput(result), ours: result.subject.includes('limit') };
  const bound = result.client === undefined && result.seconds === undefined ? GOALS[row.subject] : undefined;
  if (result.seconds !== undefined) {
    const target = '<= 2000 ms to be back';
    return { ...row, target, met: (result.backMs ?? Infinity) <= 2_000 };
  }
  if (bound === undefined) return row;
  const target = `>= ${bound}`;
  return { ...row, target, met: isMet(row.figure, target) };
}

/** Several processes share the rate; what became of their requests is added up. */
async function overload({ subject, load, client, seconds = SECONDS[1] }) {
  const use = async ({ port }) => {
    const phases = [CALM, load, CALM].map((part, at) => ({
      rate: (part * capacity) / GENERATORS,
      seconds: at === 1 ? seconds : SECONDS[at],
    }));
    const task = JSON.stringify({
      port,
      connections: CONNECTIONS / GENERATORS,
      phases,
      deadlineMs: DEADLINE_MS,
      bucketMs: BUCKET_MS,
      client: CLIENTS[client] ?? {},
    });
    const results = await Promise.all(Array.from({ length: GENERATORS }, () => drive(task)));
    const bursts = results.map(({ phases }) => phases[1]);
    const sum = (name) => bursts.reduce((total, each) => total + each[name], 0);
    const sorted = (name) => bursts.flatMap((each) => each[name]).sort((a, b) => a - b);
    return {
      seconds: seconds === SECONDS[1] ? undefined : seconds,
      burstSeconds: seconds,
      sent: sum('sent'),
      rejected: sum('rejected'),
      withoutConnection: sum('withoutConnection'),
      good: bursts.flatMap(({ good }) => good).reduce((total, count) => total + (count ?? 0), 0),
      latencies: sorted('latencies'),
      lateMs: sorted('lateMs'),
      share: Math.max(...results.map(({ share }) => share)),
      backMs: backAfter(results.map(({ phases }) => phases[2])),
    };
  };
  return await withServer(subject, use);
}

/** Time until nearly all requests of each later bucket are served in time, or `undefined` if that never comes. */
function backAfter(phases) {
  const buckets = Math.floor((SECONDS[2] * 1_000) / BUCKET_MS);
  const total = (name, at) => phases.reduce((count, phase) => count + (phase[name][at] ?? 0), 0);
  let first = buckets;
  while (first > 0 && total('good', first - 1) >= 0.95 * total('due', first - 1)) first--;
  return first === buckets ? undefined : first * BUCKET_MS;
}

/** A load generator in a process of its own, and what it says became of its requests. */
async function drive(task) {
  const generator = fork(new URL('overload-client.mjs', import.meta.url), [task], {
    serialization: 'advanced',
  });
  const [result] = await once(generator, 'message');
  return result;
}

/** What was served in time, as a part of what can be. */
function goodput({ good, burstSeconds }) {
  return good / burstSeconds / capacity;
}

/** Processor time of a server for a rejection and for the cheapest comparable answer, measured in turn. */
async function compareRejections() {
  const pairs = [
    ['limitServer, full', 'a bare 503', '<= 1.25', 'in front of Express'],
    ['limit inside Express, full', 'a 404 of Express', '<= 0.85', 'inside Express'],
  ];
  for (const [ours, base, goal, where] of pairs) {
    const samples = await withServer(ours, (one) =>
      withServer(base, (other) =>
        interleave({ [ours]: () => costOf(one), [base]: () => costOf(other) }, ROUNDS),
      ),
    );
    report(`Processor time of a rejection ${where}`, 'µs', compare(samples, base, { [ours]: goal }));
  }
}

/** Processor time that a server takes for an answer, in microseconds. */
async function costOf({ url, cpu }) {
  const amount = smoke ? 200 : 5_000;
  const before = await cpu();
  await autocannon({ url: `${url}/nowhere`, connections: 20, amount });
  return ((await cpu()) - before) / amount;
}

async function withServer(subject, use) {
  const server = fork(new URL('overload-server.mjs', import.meta.url), [subject, permits, peerPort]);
  const exited = once(server, 'exit');
  const [{ port }] = await once(server, 'message');
  const cpu = async () => {
    server.send('cpu');
    const [{ cpu }] = await once(server, 'message');
    return cpu.user + cpu.system;
  };
  try {
    return await use({ port, url: `http://127.0.0.1:${port}`, cpu });
  } finally {
    server.disconnect();
    await exited;
  }
}

function percent(part) {
  return `${(100 * part).toFixed(1)} %`;
}

function milliseconds(sorted, share) {
  return sorted.length === 0 ? '' : sorted[Math.floor(sorted.length * share)].toFixed(0);
}

function progress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
  else if (text !== '') process.stderr.write(`${text}\n`);
}
