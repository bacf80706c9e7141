// One process of a fleet: so many workers take a permit, hold it for a while, and give it back, until they are told to
// stop. Each says when, on the clock that all processes of a machine share.
import { writeSync } from 'node:fs';
import { RedisSemaphore } from '../../../lib/redis';
import { CLIENTS } from '../../helpers/redis-clients';
import type { WorkerTerms } from './fleet';

const {
  client: library,
  port,
  workers,
  holdMs,
  semaphore: options,
} = JSON.parse(process.argv[2] ?? '') as WorkerTerms;
let isStopping = false;
let holds = 0;

void main();

async function main(): Promise<void> {
  const connect = CLIENTS[library];
  if (connect === undefined) throw new Error(`no such client: ${library}`);
  const connected = await connect(port);
  const semaphore = new RedisSemaphore(connected.client, options);
  process.on('unhandledRejection', (reason) => {
    say('unhandled', 0, String(reason));
  });
  process.on('message', () => {
    isStopping = true;
  });
  const working = Promise.all(Array.from({ length: workers }, () => work(semaphore)));
  const lagCheck = setInterval(() => {
    say('stats', 0, semaphore.stats().backend);
  }, 100);
  await working;
  await semaphore.idle();
  clearInterval(lagCheck);
  say('done', 0, '');
  process.disconnect();
  await connected[Symbol.asyncDispose]();
}

async function work(semaphore: RedisSemaphore): Promise<void> {
  while (!isStopping) {
    try {
      using permit = await semaphore.acquire({ maxWaitMs: 30_000 });
      const hold = ++holds;
      const kind = permit.fencingToken === 0 ? 'own' : 'start';
      const { signal } = permit;
      if (signal.aborted) continue;
      say(kind, hold, String(permit.fencingToken));
      const lost = new Promise<boolean>((resolve) => {
        signal.addEventListener('abort', () => {
          say('lost', hold, '');
          resolve(true);
        });
      });
      const isLost = await Promise.race([lost, pause(holdMs)]);
      if (isLost !== true) say('end', hold, '');
    } catch (error) {
      say('rejected', 0, error instanceof Error && 'code' in error ? String(error.code) : String(error));
      await pause(5);
    }
  }
}

/** Written at once, so that a killed process has said all that it did. */
function say(event: string, hold: number, detail: string): void {
  const ms = Number(process.hrtime.bigint()) / 1e6;
  writeSync(3, `${JSON.stringify({ event, hold, ms, detail })}\n`);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
