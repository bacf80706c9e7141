// One of the processes of the saturated run: prints when each of its workers asked for a permit, and when it got it.
import Bottleneck from 'bottleneck';
import { RedisSemaphore } from 'express-semaphore/redis';
import { Redis } from 'ioredis';
import { Semaphore as PeerSemaphore } from 'redis-semaphore';
import { setTimeout as pause } from 'node:timers/promises';

const WORKERS = 50;
const PERMITS = 5;
const HOLD_MS = 10;

const [subject, port, runMs] = process.argv.slice(2);
const connection = { host: '127.0.0.1', port: Number(port) };
const client = new Redis(connection);
const waits = [];
const { run, finish } = await makeRun();
const end = performance.now() + Number(runMs);
await Promise.all(Array.from({ length: WORKERS }, work));
await finish?.();
process.stdout.write(JSON.stringify(waits), () => process.exit());

async function work() {
  while (performance.now() < end) {
    const asked = now();
    await run(async () => {
      waits.push({ asked, got: now() });
      await pause(HOLD_MS);
    });
  }
}

async function makeRun() {
  if (subject === 'express-semaphore') {
    const semaphore = new RedisSemaphore(client, { name: 'saturated', permits: PERMITS });
    await semaphore.ready();
    return { run: (job) => semaphore.run(job), finish: () => semaphore.idle() };
  }
  if (subject === 'bottleneck') {
    const options = { id: 'saturated', datastore: 'ioredis', maxConcurrent: PERMITS };
    const limiter = new Bottleneck({ ...options, Redis, clientOptions: connection });
    await limiter.ready();
    return { run: (job) => limiter.schedule(job) };
  }
  const run = async (job) => {
    const semaphore = new PeerSemaphore(client, 'saturated', PERMITS, { acquireTimeout: 60_000 });
    await semaphore.acquire();
    try {
      await job();
    } finally {
      await semaphore.release();
    }
  };
  return { run };
}

/** Milliseconds on the clock that all processes of a machine share. */
function now() {
  return Number(process.hrtime.bigint()) / 1e6;
}
