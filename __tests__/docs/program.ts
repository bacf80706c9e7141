import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join, resolve } from 'node:path';
import { build } from 'esbuild';
import ts from 'typescript';
import type { Program } from './markdown';

export const ROOT = resolve(__dirname, '../..');

/** The compiler's errors, each with its place in the document. */
export function typeCheck(all: readonly Program[]): string[] {
  const options = compilerOptions();
  // A reader's compiler is as strict as `tsc --init` makes it, and no stricter.
  options.noPropertyAccessFromIndexSignature = false;
  options.noUnusedLocals = options.noUnusedParameters = false;
  const texts = new Map(all.map((program) => [fileOf(program), program.code]));
  const disk = ts.createCompilerHost(options);
  const host: ts.CompilerHost = {
    ...disk,
    fileExists: (name) => texts.has(name) || disk.fileExists(name),
    readFile: (name) => texts.get(name) ?? disk.readFile(name),
    getSourceFile(name, version) {
      const text = texts.get(name);
      return text === undefined
        ? disk.getSourceFile(name, version)
        : ts.createSourceFile(name, text, version);
    },
  };
  return ts.getPreEmitDiagnostics(ts.createProgram([...texts.keys()], options, host)).map((diagnostic) => {
    const { line = 0 } = diagnostic.file?.getLineAndCharacterOfPosition(diagnostic.start ?? 0) ?? {};
    const message = ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n');
    return `${diagnostic.file?.fileName ?? ''}, line ${line + 1}: ${message}`;
  });
}

/**
 * A program of a document in a process of its own, as an ES module. It listens on a free port of this machine, whatever
 * port it names.
 */
export class RunningProgram implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #port: Promise<number>;
  readonly #exit: Promise<void>;
  #output = '';
  #errors = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout?.on('data', (text) => (this.#output += String(text)));
    child.stderr?.on('data', (text) => (this.#errors += String(text)));
    this.#port = new Promise((resolve) => {
      child.once('message', (port) => {
        resolve(Number(port));
      });
    });
    this.#exit = once(child, 'close').then(([code, signal]) => {
      if (code !== 0 && signal !== 'SIGKILL')
        throw new Error(`ended with ${code ?? signal}: ${this.#errors}`);
    });
    this.#exit.catch(() => undefined);
  }

  static async start(program: Program, env: NodeJS.ProcessEnv = {}): Promise<RunningProgram> {
    const { outputFiles } = await build({
      stdin: {
        contents: program.code,
        loader: 'ts',
        resolveDir: dirname(fileOf(program)),
        sourcefile: program.name,
      },
      banner: { js: LISTEN_ON_A_FREE_PORT },
      bundle: true,
      ignoreAnnotations: true, // package.json says that no file has side effects
      logLevel: 'silent',
      write: false,
      packages: 'external',
      platform: 'node',
      format: 'esm',
      target: 'node20',
      sourcemap: 'inline',
    });
    const child = spawn(process.execPath, ['--enable-source-maps', '--input-type=module'], {
      cwd: ROOT,
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'pipe', 'ipc'],
    });
    child.stdin?.end(outputFiles[0]?.text);
    return new RunningProgram(child);
  }

  /** What the program has printed so far. */
  get output(): string {
    return this.#output;
  }

  get errors(): string {
    return this.#errors;
  }

  /** Sends a request to the program's server. Resolves with the status and the body. */
  async call(path: string, init: RequestInit = {}): Promise<string> {
    const response = await this.fetch(path, init);
    return `${response.status} ${await response.text()}`;
  }

  /** Each request has its own connection: a kept one may be closed by a slow server at the moment of its reuse. */
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set('connection', 'close');
    return fetch(`http://127.0.0.1:${await this.port()}${path}`, { ...init, headers });
  }

  /** Resolves once the program listens. Rejects if it ends before. */
  port(): Promise<number> {
    const ended = this.#exit.then(() => {
      throw new Error(`ended before it listened: ${this.#errors}`);
    });
    return Promise.race([this.#port, ended]);
  }

  /** Resolves once the program has ended by itself, with success. */
  end(): Promise<void> {
    return this.#exit;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exit.catch(() => undefined);
  }
}

/** Runs a program until it listens, or else to its end. */
export async function run(program: Program, env: NodeJS.ProcessEnv = {}): Promise<void> {
  await using running = await RunningProgram.start(program, env);
  await Promise.race([running.port().catch(() => running.end()), running.end()]);
}

/** Runs before a program: each server listens on a free port, and the first port is sent to the parent process. */
const LISTEN_ON_A_FREE_PORT = `
import { Server as BannerServer } from 'node:net';
{
  const { listen } = BannerServer.prototype;
  BannerServer.prototype.listen = function (...args) {
    this.once('listening', () => process.send?.(this.address().port));
    return listen.call(this, 0, '127.0.0.1', ...args.filter((arg) => typeof arg === 'function'));
  };
}`;

/** Whether a program connects to Redis. */
export function usesRedis({ code }: Program): boolean {
  return code.includes('REDIS_URL');
}

/** The path that the compiler gets: beside the document, so that relative imports resolve. */
function fileOf({ name }: Program): string {
  return join(ROOT, `${name.replace(':', '.line-')}.ts`);
}

/** The compiler options of this repository. */
export function compilerOptions(): ts.CompilerOptions {
  return ts.parseJsonConfigFileContent(
    ts.readConfigFile(join(ROOT, 'tsconfig.json'), (path) => ts.sys.readFile(path)).config,
    ts.sys,
    ROOT,
  ).options;
}
