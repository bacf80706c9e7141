import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { LoadOrder, LoadReport } from './load-generator.js';

const NOTHING: LoadReport = { sent: 0, served: 0, rejected: 0, gaveUp: 0 };

/** Starts and stops the load generator, which runs in a process of its own. */
export class Load {
  #child: ChildProcess | undefined;
  #ended: Promise<unknown> = Promise.resolve();
  #report = NOTHING;

  get isOn(): boolean {
    return this.#child !== undefined;
  }

  /** Counts of the last second. */
  get report(): LoadReport {
    return this.#report;
  }

  /** Resolves when no generator runs any more. */
  get ended(): Promise<unknown> {
    return this.#ended;
  }

  /** Starts the generator, or changes its rate. */
  start(order: LoadOrder): void {
    this.#child ??= this.#fork();
    this.#child.send(order);
  }

  stop(): void {
    this.#child?.kill('SIGKILL');
    this.#child = undefined;
    this.#report = NOTHING;
  }

  #fork(): ChildProcess {
    const file = join(__dirname, 'load-generator.ts');
    const child = fork(file, { execArgv: ['--import', 'tsx'], cwd: join(__dirname, '../..') });
    this.#ended = Promise.all([this.#ended, once(child, 'exit')]);
    child.on('message', (message) => {
      if (this.#child === child) this.#report = message as LoadReport;
    });
    child.once('exit', () => {
      if (this.#child !== child) return;
      this.#child = undefined;
      this.#report = NOTHING;
    });
    return child;
  }
}
