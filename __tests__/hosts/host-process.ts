import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Reply, Request, Started } from './main';
import type { State } from './run';

/**
 * A process in which one kind of host runs as in life, whether Jest can load it or not, and whatever it does to Node's
 * own classes, as Restify does. It ends with its scope.
 */
export class HostProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #pending: ((reply: Reply) => void)[] = [];
  #errors = '';

  constructor() {
    this.#child = fork(join(__dirname, 'main.ts'), {
      execArgv: ['--import', 'tsx'],
      env: { ...process.env, NODE_ENV: 'test', TSX_TSCONFIG_PATH: join(__dirname, 'tsconfig.json') },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#errors += text));
    this.#child.on('message', (reply) => this.#pending.shift()?.(reply as Reply));
    this.#child.once('close', () => {
      for (const reply of this.#pending.splice(0)) reply({ error: `the process has ended\n${this.#errors}` });
    });
  }

  /** Starts the host of `file` with a semaphore of its own. */
  async start(file: string, permits: number, queueLimit: number): Promise<RunningHost> {
    const { run, port } = (await this.#request({ verb: 'start', file, permits, queueLimit })) as Started;
    return {
      port,
      state: () => this.#request({ verb: 'state', run }) as Promise<State>,
      end: (url, fails = false) => this.#request({ verb: 'end', run, url, fails }),
      pass: (ms) => this.#request({ verb: 'pass', run, ms }),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#child.connected) return;
    this.#child.kill();
    await once(this.#child, 'close');
  }

  async #request(request: Request): Promise<unknown> {
    const { value, error } = await new Promise<Reply>((resolve) => {
      this.#pending.push(resolve);
      this.#child.send(request, (failed) => {
        if (failed !== null) resolve({ error: `${failed.message}\n${this.#errors}` });
      });
    });
    if (error !== undefined) throw new Error(error);
    return value;
  }
}

/** A host at work. */
export interface RunningHost {
  readonly port: number;
  state(): Promise<State>;
  /** Ends the work on `url`, well unless it is said to fail. */
  end(url: string, fails?: boolean): Promise<unknown>;
  /** Advances the semaphore's clock, which nothing else moves. */
  pass(ms: number): Promise<unknown>;
}
