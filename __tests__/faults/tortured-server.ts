// The server under fire, in a process of its own: example-server's app, with routes around it that misbehave.
import { AsyncLocalStorage } from 'node:async_hooks';
import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import express from 'express';
import { KeyedSemaphore } from 'express-semaphore';
import { createApp } from '../../example-server/app';
import { createLimiters } from '../../example-server/limiters';
import { Work } from '../../example-server/work';
import { collectGarbage } from '../helpers/gc';
import { connectionsOf } from '../helpers/serve';
import { HandlerCount, runningIn } from './count';
import { faultLimiters, faultRoutes } from './fault-routes';
import type { Report } from './report';

/** How long it may take to come to rest, in milliseconds: many times the longest wait and the longest timeout here. */
const PATIENCE_MS = 120_000;

const context = new AsyncLocalStorage<unknown>();
const complaints: string[] = [];
const count = new HandlerCount();
let strayed = 0;
let responses = 0;
let collected = 0;
const memory = new FinalizationRegistry(() => collected++);

const limiters = createLimiters();
const ours = faultLimiters();
const allLimiters = Object.values({ ...limiters, ...ours });
const work = new Work(() => sleep(20));

const app = express().set('env', 'test');
app.use((req, res, next) => {
  responses++;
  memory.register(res, undefined);
  context.run(req, next);
});
app.use(faultRoutes(ours, count, noteContext));
app.use(createApp({ limiters, work }));

const server = createServer(
  { connectionsCheckingInterval: 50, headersTimeout: 300, requestTimeout: 400, keepAliveTimeout: 50 },
  app,
);
server.setTimeout(200);
server.on('upgrade', upgrade);
server.listen(0, '127.0.0.1', () => {
  process.send?.((server.address() as AddressInfo).port);
});

process.on('message', () => {
  void settle().then((report) => process.send?.(report));
});
process.on('disconnect', () => process.exit());
process.on('warning', complain);
process.on('uncaughtException', complain);
process.on('unhandledRejection', complain);

function complain(what: unknown): void {
  complaints.push(what instanceof Error ? String(what.stack) : String(what));
}

/** Notes a handler that runs in the async context of another request than its own. */
function noteContext(req: IncomingMessage): void {
  if (context.getStore() !== req) strayed++;
}

/** Limits upgrades as the documents say: by the socket's close. */
function upgrade(_req: unknown, socket: Socket): void {
  socket.on('error', () => undefined);
  const permit = ours.upgrades.tryAcquire();
  if (permit === undefined) {
    socket.once('finish', () => socket.destroy());
    socket.end('HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n');
    return;
  }
  count.begin('upgrades');
  socket.once('close', () => {
    count.end('upgrades');
    permit.release();
  });
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
  socket.resume().setTimeout(100, () => socket.destroy());
}

/** Waits until nothing is at work, or for long enough, and returns a report. */
async function settle(): Promise<Report> {
  const giveUp = performance.now() + PATIENCE_MS;
  while (!(await report(server)).quiet && performance.now() < giveUp) await turn();
  // Timers of the parser and of closed connections hold what they were for; garbage is seen in later turns.
  while (responses - collected > 0 && performance.now() < giveUp) {
    await collectGarbage();
    await sleep(20);
  }
  return report(server);
}

async function report(of: Server): Promise<Report> {
  const connections = await connectionsOf(of);
  const handlers = { ...work.concurrency, ...count.handlers };
  let held = 0;
  let waiting = 0;
  for (const limiter of allLimiters) {
    for (const stats of limiter instanceof KeyedSemaphore
      ? [...limiter].map(([, one]) => one)
      : [limiter.stats()]) {
      held += stats.held;
      waiting += stats.waiting;
    }
  }
  const quiet = connections === 0 && held === 0 && waiting === 0 && runningIn(handlers) === 0;
  const heapBytes = process.memoryUsage().heapUsed;
  const kept = responses - collected;
  return { quiet, connections, held, waiting, handlers, strayed, responses, kept, heapBytes, complaints };
}
