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
  objects = 1,
  stallMs = 0,
  reopens = false,
} = JSON.parse(process.argv[2] ?? '') as WorkerTerms;
let isStopping = false;
let holds = 0;

void main();

async function main(): Promise<void> {
  const connect = CLIENTS[library];
  if (connect === undefined) throw new Error(`no such client: ${library}`);
  const connected = await connect(port);
  const semaphores = Array.from({ length: objects }, () => new RedisSemaphore(connected.client, options));
  process.on('unhandledRejection', (reason) => {
    say('unhandled', 0, String(reason));
  });
  process.on('message', () => {
    isStopping = true;
  });
  const working = Promise.all(Array.from({ length: workers }, (_, i) => work(semaphores, i)));
  const stalls = setInterval(stall, 1_000);
  if (reopens) void reopen(connected.client as unknown as ReopenedClient);
  const lagCheck = setInterval(() => {
    for (const semaphore of semaphores) say('stats', 0, semaphore.stats().backend);
  }, 100);
  await working;
  await Promise.all(semaphores.map((semaphore) => semaphore.idle()));
  clearInterval(lagCheck);
  clearInterval(stalls);
  say('done', 0, '');
  process.disconnect();
  await connected[Symbol.asyncDispose]();
}

interface ReopenedClient {
  close(): Promise<unknown>;
  connect(): Promise<unknown>;
}

async function reopen(client: ReopenedClient): Promise<void> {
  for (;;) {
    await pause(1_000);
    if (isStopping) return;
    await client.close();
    await client.connect();
  }
}

function stall(): void {
  const end = performance.now() + stallMs;
  while (performance.now() < end);
}

async function work(semaphores: readonly RedisSemaphore[], worker: number): Promise<void> {
  const semaphore = semaphores[worker % semaphores.length];
  if (semaphore === undefined) throw new Error('there is no semaphore');
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
