import { execFile } from 'node:child_process';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import ts from 'typescript';
import type { Program } from './markdown';

export const ROOT = resolve(__dirname, '../..');

/** The compiler's complaints, each with its place in the document. */
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

/** Runs a program in a process of its own, as an ES module, until nothing is left to do. */
export async function run(program: Program, env: NodeJS.ProcessEnv = {}): Promise<void> {
  const { outputFiles } = await build({
    stdin: {
      contents: program.code,
      loader: 'ts',
      resolveDir: dirname(fileOf(program)),
      sourcefile: program.name,
    },
    bundle: true,
    write: false,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    sourcemap: 'inline',
  });
  const running = promisify(execFile)(process.execPath, ['--enable-source-maps', '--input-type=module'], {
    cwd: ROOT,
    timeout: 20_000,
    env: { ...process.env, PORT: '0', ...env },
  });
  running.child.stdin?.end(outputFiles[0]?.text);
  await running;
}

/** Whether a program connects to the Redis of the tests: by its environment, or because its document starts one. */
export function usesRedis({ code }: Program): boolean {
  return /REDIS_URL|docs\/redis/.test(code);
}

/** Where the compiler is told that the program lies: beside its document, so that relative imports mean the same. */
function fileOf({ name }: Program): string {
  return join(ROOT, `${name.replace(':', '.line-')}.ts`);
}

/** Those of this repository. */
export function compilerOptions(): ts.CompilerOptions {
  return ts.parseJsonConfigFileContent(
    ts.readConfigFile(join(ROOT, 'tsconfig.json'), (path) => ts.sys.readFile(path)).config,
    ts.sys,
    ROOT,
  ).options;
}
