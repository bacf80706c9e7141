import Bottleneck from 'bottleneck';
import { RedisSemaphore } from 'express-semaphore/redis';
import { Redis } from 'ioredis';
import { Semaphore as PeerSemaphore } from 'redis-semaphore';
import { LIBRARIES } from './redis-libraries.mjs';

/**
 * One node of a fleet: `run` calls a job under a limit of `permits` that all nodes share which use the same `name`. Peers
 * use ioredis, whatever the library.
 */
export async function makeNode(subject, port, name, permits, library = 'ioredis') {
  const connection = { host: '127.0.0.1', port: Number(port) };
  if (subject === 'express-semaphore') {
    const { open, close } = LIBRARIES[library];
    const client = await open(Number(port));
    const semaphore = new RedisSemaphore(client, { name, permits });
    await semaphore.ready();
    return {
      run: (job) => semaphore.run(job),
      close: async () => {
        await semaphore.idle();
        close(client);
      },
    };
  }
  if (subject === 'bottleneck') {
    const options = { id: name, datastore: 'ioredis', maxConcurrent: permits };
    const limiter = new Bottleneck({ ...options, Redis, clientOptions: connection });
    await limiter.ready();
    return { run: (job) => limiter.schedule(job), close: () => limiter.disconnect() };
  }
  const client = new Redis(connection);
  const run = async (job) => {
    const semaphore = new PeerSemaphore(client, name, permits, { acquireTimeout: 60_000 });
    await semaphore.acquire();
    try {
      return await job();
    } finally {
      await semaphore.release();
    }
  };
  return { run, close: () => client.disconnect() };
}

/** Milliseconds on the clock that all processes of a machine share. */
export function now() {
  return Number(process.hrtime.bigint()) / 1e6;
}
