import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { RedisSemaphoreOptions } from '../../../lib/redis';
import { Checker } from './checker';
import type { FleetEvent } from './checker';

/** What one process is to do. */
export interface WorkerTerms {
  /** Which client library it uses. */
  readonly client: string;
  readonly port: number;
  readonly workers: number;
  readonly holdMs: number;
  readonly semaphore: RedisSemaphoreOptions;
  /** By how much all clocks of the process are wrong, in milliseconds. @defaultValue `0` */
  readonly clockOffMs?: number;
  /** Objects of the same name that the workers of the process use in turn. @defaultValue `1` */
  readonly objects?: number;
  /** How long the event loop is blocked once a second, in milliseconds. @defaultValue `0` */
  readonly stallMs?: number;
  /** Whether the client is closed and opened again once a second. Only node-redis can do that. */
  readonly reopens?: boolean;
}

/** Several processes that share a limit, and the checker that hears what they do. */
export class Fleet implements AsyncDisposable {
  readonly checker = new Checker();
  readonly #nodes: ChildProcess[] = [];
  readonly #killed = new Set<number>();

  /** How many processes were started. */
  get size(): number {
    return this.#nodes.length;
  }

  /** The numbers of those that were not killed. */
  get alive(): number[] {
    return [...this.#nodes.keys()].filter((node) => !this.#killed.has(node));
  }

  /** Starts a process, and resolves to its number once it works. */
  async start(terms: WorkerTerms): Promise<number> {
    const node = this.#nodes.length;
    const child = fork(fileURLToPath(new URL('worker.ts', import.meta.url)), [JSON.stringify(terms)], {
      execArgv: ['--import', 'tsx', '--import', new URL('wrong-clock.mjs', import.meta.url).href],
      env: { ...process.env, CLOCK_OFF_MS: String(terms.clockOffMs ?? 0) },
      stdio: ['ignore', 'inherit', 'inherit', 'pipe', 'ipc'],
    });
    this.#nodes.push(child);
    const lines = createInterface({ input: child.stdio[3] as Readable });
    const working = new Promise<void>((resolve) => {
      lines.on('line', (line) => {
        resolve();
        // A killed process may have been in the middle of a line.
        if (line.endsWith('}')) this.checker.add({ node, ...(JSON.parse(line) as Omit<FleetEvent, 'node'>) });
      });
    });
    await working;
    return node;
  }

  signal(node: number, signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    const child = this.#nodes[node];
    if (child === undefined) throw new Error(`no node ${node}`);
    child.kill(signal);
    if (signal !== 'SIGKILL') return;
    this.#killed.add(node);
    this.checker.killed(node);
  }

  /** Lets every live process finish what it does; rejects if one has ended, or ends, in another way. */
  async stop(): Promise<void> {
    await Promise.all(
      this.#nodes.map(async (child, node) => {
        if (this.#killed.has(node)) return;
        if (child.exitCode !== null) throw new Error(`node ${node} ended by itself (${child.exitCode})`);
        const exited = once(child, 'exit');
        child.send('stop');
        const [code] = (await exited) as [number | null];
        if (code !== 0) throw new Error(`node ${node} ended with ${code}`);
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#nodes) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    }
  }
}
