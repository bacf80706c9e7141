// Overload for real: each way to limit, driven at multiples of what the server can serve, by clients that do not wait for
// one another and need an answer within 250 ms. Then: what a rejection costs the processor, beside Express's 404.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import autocannon from 'autocannon';
import { compare, interleave, isMet, median, report, smoke, publish } from './harness.mjs';

const DEADLINE_MS = 250;
const SERVICE_MS = 21;
const SUBJECTS = ['none', 'express-queue', 'limit, maxWaitMs 100', 'adaptive, maxWaitMs 100'];
const OURS = SUBJECTS.slice(2);
const LOADS = smoke ? [0.5, 2] : [0.5, 1, 2, 5, 10];
const SECONDS = smoke ? 0.5 : 8;
const CLIENTS = 2;
/** More connections than a server that rejects overload ever uses at once. */
const CONNECTIONS = smoke ? 200 : 2_000;
const ROUNDS = smoke ? 1 : 25;

const capacity = await findCapacity();
const permits = Math.ceil((1.2 * capacity * SERVICE_MS) / 1_000);
console.log(`Capacity: ${capacity.toFixed(0)} requests a second; fixed limits have ${permits} permits.\n`);

const rejectionUs = await compareRejections();

const runs = SUBJECTS.flatMap((subject) => LOADS.map((load) => ({ subject, load })));
const results = [];
for (const [index, { subject, load }] of runs.entries()) {
  progress(`${index + 1}/${runs.length} ${subject} at ${load}x`);
  results.push({ subject, load, ...(await overload(subject, load * capacity)) });
}
progress('');
const HEAD = ['', 'load', 'sent a second', 'goodput', 'rejected', 'late', 'possible', 'p50 ms', 'p99 ms'];
publish({
  title: `Overload: goodput as a part of capacity, answers within ${DEADLINE_MS} ms`,
  unit: 'of capacity',
  rows: results.map(judge),
  cells: [
    HEAD,
    ...results.map((result) => [
      result.subject,
      `${result.load}x`,
      (result.sent / SECONDS).toFixed(0),
      goodput(result).toFixed(2),
      percent(result.rejected / result.sent),
      percent((result.sent - result.good - result.rejected) / result.sent),
      possible(result.load).toFixed(2),
      milliseconds(result.latencies, 0.5),
      milliseconds(result.latencies, 0.99),
    ]),
  ],
});

/** Requests a second that the bare server serves to as many clients as keep it busy. */
async function findCapacity() {
  return await withServer('none', async ({ url }) => {
    const load = { url: `${url}/work`, connections: 60 };
    await autocannon({ ...load, duration: 1 });
    const { requests, duration } = await autocannon({ ...load, duration: smoke ? 1 : 6 });
    return requests.total / duration;
  });
}

/** Several client processes share the rate; what became of their requests is added up. */
async function overload(subject, rate) {
  const use = async ({ port }) => {
    // A compiled server that has seen no overload yet.
    const warmUp = { rate: Math.min(rate, capacity / 2) / CLIENTS, seconds: smoke ? 0.2 : 2 };
    const load = { rate: rate / CLIENTS, seconds: SECONDS };
    const connections = CONNECTIONS / CLIENTS;
    const task = JSON.stringify({ port, connections, warmUp, load, deadlineMs: DEADLINE_MS });
    const counts = await Promise.all(Array.from({ length: CLIENTS }, () => drive(task)));
    const sum = (name) => counts.reduce((total, each) => total + each[name], 0);
    const latencies = counts.flatMap(({ latencies }) => latencies).sort((a, b) => a - b);
    return { sent: sum('sent'), rejected: sum('rejected'), good: latencies.length, latencies };
  };
  return await withServer(subject, use, permits);
}

/** A client in a process of its own, and what it says became of its requests. */
async function drive(task) {
  const client = fork(new URL('overload-client.mjs', import.meta.url), [task], { serialization: 'advanced' });
  const [counts] = await once(client, 'message');
  return counts;
}

/** What was served in time, as a part of what can be. */
function goodput({ good }) {
  return good / SECONDS / capacity;
}

/** The largest possible goodput: the processor serves and rejects, and does nothing else. */
function possible(load) {
  const rejectionShare = (rejectionUs / 1e6) * capacity;
  return Math.min(load, Math.max(0, (1 - load * rejectionShare) / (1 - rejectionShare)));
}

function judge(result) {
  const ours = OURS.includes(result.subject);
  const row = { subject: `${result.subject} at ${result.load}x`, figure: goodput(result), ours };
  return ours && result.load > 1 ? { ...row, target: '>= 0.95', met: isMet(row.figure, '>= 0.95') } : row;
}

/** Processor time of the server for a rejection, and of one without a limit for a 404, measured in turn. */
async function compareRejections() {
  const samples = await withServer('full', (full) =>
    withServer('none', (none) =>
      interleave(
        { 'a rejection': () => costOf(full, '/work'), 'a 404 of Express': () => costOf(none, '/nowhere') },
        ROUNDS,
      ),
    ),
  );
  const goals = { 'a rejection': '<= 1' };
  report('Processor time of a rejection', 'µs', compare(samples, 'a 404 of Express', goals));
  return median(samples['a rejection']);
}

/** Processor time that a server takes for an answer, in microseconds. */
async function costOf({ url, cpu }, path) {
  const amount = smoke ? 200 : 5_000;
  const before = await cpu();
  await autocannon({ url: `${url}${path}`, connections: 20, amount });
  return ((await cpu()) - before) / amount;
}

async function withServer(subject, use, permits = 1) {
  const server = fork(new URL('overload-server.mjs', import.meta.url), [subject, String(permits)]);
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
