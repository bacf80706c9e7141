import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findCommandOrExit } from './requirements';

/** A real Redis of a test, on a port of this machine, that keeps nothing and ends with its scope. */
export class RedisServer implements AsyncDisposable {
  readonly port: number;
  readonly #directory = mkdtempSync(join(tmpdir(), 'redis-'));
  readonly #args: readonly string[];
  #process: ChildProcess | undefined;

  private constructor(port: number, args: readonly string[]) {
    this.port = port;
    this.#args = args;
  }

  static async start(...args: string[]): Promise<RedisServer> {
    // Somebody may take a free port before the server does; then another is tried.
    for (let left = 5; ; left--) {
      const server = new RedisServer(await freePort(), args);
      try {
        await server.restart();
        return server;
      } catch (error) {
        server.#discard();
        if (left === 0) throw error;
      }
    }
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    const pid = this.#process?.pid;
    if (pid === undefined) throw new Error('the server does not run');
    return pid;
  }

  /** Starts the server, empty, on its old port. */
  async restart(): Promise<void> {
    const fixed = ['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    const child = spawn(
      findCommandOrExit('redis-server'),
      [...fixed, '--dir', this.#directory, ...this.#args],
      {
        stdio: 'ignore',
      },
    );
    this.#process = child;
    const exited = once(child, 'exit').then(() => {
      throw new Error('redis-server ended while it started');
    });
    await Promise.race([exited, answers(this.port)]);
    exited.catch(() => undefined);
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    process.kill(this.pid, signal);
  }

  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    this.#discard();
  }

  #discard(): void {
    this.#process?.kill('SIGKILL');
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** A port that nobody listens on, at the moment. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Resolves once a PING is answered. */
async function answers(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    const answered = new Promise<boolean>((resolve) => {
      socket.once('error', () => {
        resolve(false);
      });
      socket.once('data', (data) => {
        resolve(data.toString('latin1').startsWith('+PONG'));
      });
    });
    socket.write('PING\r\n');
    const isUp = await answered;
    socket.destroy();
    if (isUp) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
