// A consumer without Express. It is type checked and run as CommonJS and as an ES module, from an installed tarball.
import { once } from 'node:events';
import { createServer, get } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  clientKey,
  isSemaphoreError,
  KeyedSemaphore,
  limit,
  limitHandler,
  permitOf,
  QueueFullError,
  Semaphore,
  withSemaphore,
} from 'express-semaphore';
import type { Limiter, LimiterStats, Permit } from 'express-semaphore';

const semaphore = new Semaphore(1, { queueLimit: 0 });
const perClient = new KeyedSemaphore(() => new Semaphore(2), { maxKeys: 10 });

class Users {
  @withSemaphore(semaphore)
  async find(id: string): Promise<{ id: string }> {
    return Promise.resolve({ id });
  }
}

const double = withSemaphore(semaphore)(async (value: number) => Promise.resolve(2 * value));

const gate = limit(semaphore, { statusCode: 503, weight: (req) => Number(req.headers['x-weight'] ?? 1) });
const keyedGate = limit(perClient, { key: clientKey() });
const handler = limitHandler(semaphore, async (_req, res) => {
  const permit: Permit | undefined = permitOf(res);
  permit?.hold(Promise.resolve());
  res.end(`weight ${permit?.weight ?? 0}`);
  await Promise.resolve();
});

async function main(): Promise<void> {
  const server = createServer((req, res) => {
    gate(req, res, () => {
      keyedGate(req, res, () => {
        handler(req, res, () => res.destroy());
      });
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const body = await read((server.address() as AddressInfo).port);
  server.close();

  const { id } = await new Users().find('alice');
  const four: number = await double(2);
  const rejection = await semaphore.run(() => semaphore.acquire().catch((error: unknown) => error));
  const isRejection = isSemaphoreError(rejection) && rejection instanceof QueueFullError;
  await perClient.idle();
  console.log([body, id, four, isRejection, held(semaphore)].join());
}

function held(limiter: Limiter): number {
  const stats: LimiterStats = limiter.stats();
  return stats.held;
}

async function read(port: number): Promise<string> {
  const [response] = (await once(get({ port, host: '127.0.0.1', agent: false }), 'response')) as [
    IncomingMessage,
  ];
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return text;
}

void main();
