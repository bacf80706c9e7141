import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';

const DIRECTLY = [process.execPath, '--import', 'tsx', 'example-server/server.ts'];

/** The example server in a process of its own. */
export interface ServerProcess {
  readonly child: ChildProcess;
  readonly url: string;
  /** Text printed so far. */
  readonly output: () => string;
  /** Sends a signal and resolves with the exit code: `null` if the signal killed the process. */
  readonly stop: (signal?: NodeJS.Signals) => Promise<number | null>;
  /** Resolves with the exit code when the process has ended. */
  readonly exited: Promise<number | null>;
}

/** Options of `startServer`. */
export interface StartOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** The command in parts. @defaultValue Node without a shell */
  readonly command?: readonly string[];
  /** Whether the process leads a process group of its own, as a command in a terminal does. @defaultValue `false` */
  readonly detached?: boolean;
}

/** Starts the server on a free port. Resolves when it listens, rejects if it ends before. */
export async function startServer(options: StartOptions = {}): Promise<ServerProcess> {
  const { env, command: [program = '', ...args] = DIRECTLY, detached = false } = options;
  const child = spawn(program, args, {
    cwd: join(__dirname, '..'),
    env: { ...process.env, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached,
  });
  let output = '';
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const url = await new Promise<string>((resolve, reject) => {
    const collect = (chunk: Buffer) => {
      output += chunk.toString();
      const url = /Listening on (\S+)\. [^]*routes\./.exec(output)?.[1];
      if (url !== undefined) resolve(url);
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.once('error', reject);
    void exited.then((code) => {
      reject(new Error(`the server ended with ${code ?? 'a signal'}:\n${output}`));
    });
  });
  return {
    child,
    url,
    output: () => output,
    stop(signal = 'SIGTERM') {
      child.kill(signal);
      return exited;
    },
    exited,
  };
}
