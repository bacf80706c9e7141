import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Random } from '../../bench/sim/random';
import { play } from './play';
import type { Report } from './report';
import { randomScript } from './script';

/** Connections at a time. */
const CLIENTS = 32;

/** The server's process, stopped at the end of its scope. */
export class ServerUnderFire implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #port: number;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.#port = port;
  }

  static async start(): Promise<ServerUnderFire> {
    const child = fork(join(__dirname, 'tortured-server.ts'), {
      execArgv: ['--import', 'tsx'],
      cwd: join(__dirname, '../..'),
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    const [port] = (await once(child, 'message')) as [number];
    return new ServerUnderFire(child, port);
  }

  /** Lets clients play random scripts until there have been so many exchanges. */
  async fire(random: Random, exchanges: number): Promise<void> {
    let left = exchanges;
    const client = async () => {
      while (left > 0) {
        const script = randomScript(random);
        left -= script.exchanges;
        await play(this.#port, script);
      }
    };
    await Promise.all(Array.from({ length: CLIENTS }, client));
  }

  /** The report once nothing is at work, or after the time limit. */
  async settle(): Promise<Report> {
    this.#child.send('settle');
    const [report] = (await once(this.#child, 'message')) as [Report];
    return report;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }
}
