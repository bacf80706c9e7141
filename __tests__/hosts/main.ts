// Starts hosts in this process, and does with them what the parent process requests, in order.
import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import type { Limiter } from 'express-semaphore';
import { Run } from './run.js';

/** A request of the parent process. Each one is answered, in order. */
export type Request =
  | { readonly verb: 'start'; readonly file: string; readonly permits: number; readonly queueLimit: number }
  | { readonly verb: 'state'; readonly run: number }
  | { readonly verb: 'end'; readonly run: number; readonly url: string; readonly fails: boolean }
  | { readonly verb: 'pass'; readonly run: number; readonly ms: number };

/** The answer to a request. */
export interface Reply {
  readonly value?: unknown;
  readonly error?: string;
}

/** Where a host listens, and what to name it by from then on. */
export interface Started {
  readonly run: number;
  readonly port: number;
}

/** What each host's file exports. */
interface Host {
  readonly start: (
    limiter: Limiter,
    work: (url: string) => Promise<string>,
    port: number,
  ) => Server | Promise<Server>;
}

const runs: Run[] = [];
let last = Promise.resolve();

process.on('message', (request) => {
  last = last.then(async () => {
    process.send?.(await answer(request as Request));
  });
});

async function answer(request: Request): Promise<Reply> {
  try {
    return { value: await handle(request) };
  } catch (error) {
    return { error: String(error) };
  }
}

async function handle(request: Request): Promise<unknown> {
  if (request.verb === 'start') return start(request.file, request.permits, request.queueLimit);
  const run = runs[request.run];
  if (run === undefined) throw new Error(`there is no run ${request.run}`);
  if (request.verb === 'state') return run.state();
  if (request.verb === 'end') run.end(request.url, request.fails);
  else run.pass(request.ms);
  return undefined;
}

async function start(file: string, permits: number, queueLimit: number): Promise<Started> {
  const host = (await import(`./${file}.js`)) as Host;
  const run = new Run(permits, queueLimit);
  const server = await host.start(run.semaphore, (url) => run.work(url), 0);
  if (!server.listening) await once(server, 'listening');
  return { run: runs.push(run) - 1, port: (server.address() as AddressInfo).port };
}
