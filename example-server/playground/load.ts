import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { LoadOrder, LoadReport } from './load-generator.js';

const NOTHING: LoadReport = { sent: 0, served: 0, refused: 0, gaveUp: 0 };

/** The load generator, when it runs. */
export class Load {
  #child: ChildProcess | undefined;
  #report = NOTHING;

  get isOn(): boolean {
    return this.#child !== undefined;
  }

  /** What happened in the last second. */
  get report(): LoadReport {
    return this.#report;
  }

  /** Starts it, or tells the one that runs of another order. */
  start(order: LoadOrder): void {
    this.#child ??= this.#fork();
    this.#child.send(order);
  }

  stop(): void {
    this.#child?.kill();
  }

  #fork(): ChildProcess {
    const file = join(__dirname, 'load-generator.ts');
    const child = fork(file, { execArgv: ['--import', 'tsx'], cwd: join(__dirname, '../..') });
    child.on('message', (message) => {
      this.#report = message as LoadReport;
    });
    child.once('exit', () => {
      this.#child = undefined;
      this.#report = NOTHING;
    });
    return child;
  }
}
