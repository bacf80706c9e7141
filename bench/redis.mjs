// One limit for several processes through Redis, beside its peers, in one interleaved run on a Redis of its own.
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';
import Bottleneck from 'bottleneck';
import { RedisSemaphore } from 'express-semaphore/redis';
import { Redis } from 'ioredis';
import { Semaphore as PeerSemaphore } from 'redis-semaphore';
import { compare, interleave, median, report, smoke, time } from './harness.mjs';
import { LIBRARIES } from './redis-libraries.mjs';
import { makeNode, now } from './redis-subjects.mjs';

const ROUNDS = smoke ? 1 : 9;
const PAIRS = smoke ? 20 : 10_000;
const HANDOFFS = smoke ? 5 : 200;
const SATURATED_MS = smoke ? 300 : 4_000;

const port = await freePort();
const server = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', ''], {
  cwd: tmpdir(),
  stdio: 'ignore',
});
const clients = [];
const nodes = [];
try {
  await pause(300);
  await singles();
  await handOffs();
  await saturated();
  await memory();
} finally {
  for (const client of clients) client.disconnect();
  for (const node of nodes) await node.close();
  server.kill();
}

/** Acquires and releases a free permit: one call after another, and a hundred at a time. */
async function singles() {
  for (const inFlight of [1, 100]) {
    for (const library of Object.keys(LIBRARIES)) await single(inFlight, library);
  }
}

async function single(inFlight, library) {
  const { open, evalSha, close } = LIBRARIES[library];
  const client = await open(port);
  const name = `${library}-${inFlight}`;
  const ours = new RedisSemaphore(client, { name: `free-${name}`, permits: 200 });
  const batched = new RedisSemaphore(client, { name: `batch-${name}`, permits: 400, prefetch: 100 });
  const sha = await connect().script('LOAD', 'return 1');
  const pairs = inFlight === 1 ? PAIRS / 4 : PAIRS;
  const peers = library === 'ioredis' ? await makePeers(client, inFlight) : undefined;
  const samples = await interleave(
    {
      'raw EVALSHA': usAPair(inFlight, pairs, () => evalSha(client, sha)),
      ...peers?.subjects(Math.max(inFlight, pairs / 50)),
      'express-semaphore': usAPair(inFlight, pairs, async () => (await ours.acquire()).release()),
      'express-semaphore, batch of 100': usAPair(inFlight, pairs * 4, async () => {
        (batched.tryAcquire() ?? (await batched.acquire())).release();
      }),
    },
    ROUNDS,
  );
  const goals = {
    'express-semaphore': inFlight === 1 ? '<= 1.2' : '<= 0.35',
    'express-semaphore, batch of 100': '<= 0.05',
  };
  report(
    `A free permit, ${inFlight} in flight, ${library}; ratio to raw EVALSHA`,
    'µs a pair',
    compare(samples, 'raw EVALSHA', goals),
  );
  await peers?.close();
  await ours.idle();
  await batched.idle();
  close(client);
}

/** The peers in the same test. All of them use ioredis. */
async function makePeers(client, inFlight) {
  const semaphores = Array.from(
    { length: inFlight },
    () => new PeerSemaphore(client, `peers-${inFlight}`, 200, { refreshInterval: 0, retryInterval: 1 }),
  );
  const limiter = new Bottleneck({
    id: `b-${inFlight}`,
    datastore: 'ioredis',
    maxConcurrent: 200,
    clearDatastore: true,
    Redis,
    clientOptions: { host: '127.0.0.1', port },
  });
  await limiter.ready();
  return {
    subjects: (pairs) => ({
      'redis-semaphore': usAPair(inFlight, pairs, async (lane) => {
        await semaphores[lane].acquire();
        await semaphores[lane].release();
      }),
      bottleneck: usAPair(inFlight, pairs, () => limiter.schedule(async () => undefined)),
    }),
    close: () => limiter.disconnect(),
  };
}

/**
 * From a release in this process to the grant in another; beside a message published by this one and received by the other.
 * Each waits 3 ms before, so that all sockets are as cold.
 */
async function handOffs() {
  for (const library of Object.keys(LIBRARIES)) await handOff(library);
}

async function handOff(library) {
  const receivers = [];
  const subjects = {};
  const peers = library === 'ioredis' ? ['redis-semaphore', 'bottleneck'] : [];
  for (const subject of ['raw publish hop', ...peers, 'express-semaphore']) {
    const receiver = fork(fileURLToPath(new URL('redis-receiver.mjs', import.meta.url)), [
      subject,
      String(port),
      library,
    ]);
    receivers.push(receiver);
    await once(receiver, 'message');
    const give =
      subject === 'raw publish hop' ? await makePublisher(library) : await makeHolder(subject, library);
    const measure = async (pauseMs) => {
      const { release, released } = await give();
      receiver.send('request');
      await once(receiver, 'message');
      const got = once(receiver, 'message');
      await pause(pauseMs);
      const start = now();
      release();
      const [end] = await got;
      await released;
      return end - start;
    };
    const count = /raw|express/.test(subject) ? HANDOFFS : HANDOFFS / 5;
    subjects[subject] = async () => {
      for (let i = 0; i < count; i++) await measure(0);
      const samples = [];
      for (let i = 0; i < count; i++) samples.push(await measure(3));
      return median(samples);
    };
  }
  const samples = await interleave(subjects, ROUNDS);
  const goals = { 'express-semaphore': '<= 1.3' };
  report(
    `Hand-off between processes, ${library}; ratio to a raw publish hop`,
    'ms, p50',
    compare(samples, 'raw publish hop', goals),
  );
  for (const receiver of receivers) receiver.kill();
}

async function makePublisher(library) {
  const { open, publish, close } = LIBRARIES[library];
  const client = await open(port);
  nodes.push({ close: () => close(client) });
  return () => ({ release: () => publish(client, 'hop') });
}

/** Acquires the one permit, and releases it on request. */
async function makeHolder(subject, library) {
  const node = await makeNode(subject, port, 'hand-off', 1, library);
  nodes.push(node);
  return () =>
    new Promise((resolve) => {
      const released = node.run(() => new Promise((release) => resolve({ release, released })));
    });
}

/** Two processes with 50 workers each share 5 permits. Each permit is held for 10 ms. */
async function saturated() {
  const probe = connect();
  const rows = [];
  for (const subject of ['redis-semaphore', 'bottleneck', 'express-semaphore']) {
    const scripts = async () =>
      Number(/cmdstat_evalsha:calls=(\d+)/.exec(await probe.info('commandstats'))?.[1] ?? 0);
    const before = await scripts();
    const worker = fileURLToPath(new URL('redis-worker.mjs', import.meta.url));
    const outputs = await Promise.all(
      [0, 1].map(() => output(process.execPath, [worker, subject, String(port), String(SATURATED_MS)])),
    );
    const waits = outputs.flatMap((text) => JSON.parse(text));
    const ms = waits.map(({ asked, got }) => got - asked).sort((x, y) => x - y);
    const p50 = ms[Math.floor(ms.length * 0.5)] ?? 0;
    const p99 = ms[Math.floor(ms.length * 0.99)] ?? 0;
    const overtaken = overtakes(waits);
    const each = ((await scripts()) - before) / waits.length;
    const isOurs = subject === 'express-semaphore';
    rows.push(
      { subject: `${subject}: grants`, figure: waits.length },
      { subject: `${subject}: wait p50, ms`, figure: p50 },
      {
        subject: `${subject}: wait p99, ms`,
        figure: p99,
        ratio: p99 / p50,
        ...(isOurs && { target: '<= 1.25 p50', met: p99 <= 1.25 * p50 }),
      },
      {
        subject: `${subject}: overtaken by, mean`,
        figure: overtaken,
        ...(isOurs && { target: '<= 0.1', met: overtaken <= 0.1 }),
      },
      {
        subject: `${subject}: scripts a grant`,
        figure: each,
        ...(isOurs && { target: '<= 0.5', met: each <= 0.5 }),
      },
    );
  }
  report('Saturated: 2 processes x 50 workers, 5 permits held for 10 ms each', 'figure', rows);
}

/** What Redis keeps for permits that are held, and for a limit that is idle. */
async function memory() {
  const client = connect();
  await client.flushall();
  const rows = [];
  for (const [subject, limits, permits] of [
    ['10,000 permits of one limit', 1, 10_000],
    ['1 permit of each of 10,000 limits', 10_000, 1],
  ]) {
    await client.flushall();
    const semaphores = Array.from(
      { length: limits },
      (_, i) => new RedisSemaphore(client, { name: `m${i}`, permits, leaseMs: 1_000 }),
    );
    const held = await Promise.all(
      semaphores.flatMap((semaphore) => Array.from({ length: permits }, () => semaphore.acquire())),
    );
    const figure = (await keyBytes(client)) / held.length;
    rows.push({
      subject: `bytes a permit, ${subject}`,
      figure,
      ...(limits === 1 && { target: '<= 130', met: figure <= 130 }),
    });
    for (const permit of held) permit.release();
    await Promise.all(semaphores.map((semaphore) => semaphore.idle()));
  }
  await pause(5_000);
  const keys = await client.dbsize();
  rows.push({ subject: 'keys, 5 leases after the last release', figure: keys, target: '0', met: keys === 0 });
  report('Memory in Redis', 'figure', rows);
}

function connect() {
  const client = new Redis({ host: '127.0.0.1', port });
  clients.push(client);
  return client;
}

/**
 * Microseconds for one of `pairs`, `inFlight` at a time. As many run before: after the garbage has been collected, V8 has
 * to learn anew what objects look like of which none was left, and that is not what is measured.
 */
function usAPair(inFlight, pairs, pair) {
  const each = Math.ceil(pairs / inFlight);
  const run = () =>
    Promise.all(
      Array.from({ length: inFlight }, async (_, lane) => {
        for (let i = 0; i < each; i++) await pair(lane);
      }),
    );
  return async () => {
    await run();
    return ((await time(run)) * 1e3) / (each * inFlight);
  };
}

/** How many later comers were served before one, on the average. Asks in the same millisecond are not told apart. */
function overtakes(waits) {
  const byGrant = waits.toSorted((a, b) => a.got - b.got);
  let total = 0;
  for (const [i, { asked }] of byGrant.entries()) {
    for (let j = i - 1; j >= 0 && byGrant[j].got > asked; j--) if (byGrant[j].asked > asked + 1) total++;
  }
  return total / waits.length;
}

/** What all keys take, by the server's own account. */
async function keyBytes(client) {
  let bytes = 0;
  for (const key of await client.keys('*')) bytes += await client.memory('USAGE', key, 'SAMPLES', 0);
  return bytes;
}

async function output(command, args) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part) => (text += part));
  await once(child, 'close');
  return text;
}

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}
