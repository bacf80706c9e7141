import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import ts from 'typescript';
import { anchorsOf, linksOf, programsOf, scriptsOf } from './markdown';
import type { MarkdownDocument, Program } from './markdown';

jest.setTimeout(60_000);

const ROOT = resolve(__dirname, '../..');
const guides = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' });
const documents = ['README.md', 'CHANGELOG.md', ...guides.map((name) => join('docs', name))]
  .filter((path) => path.endsWith('.md'))
  .map(read);
const programs = documents.flatMap(programsOf);

describe('TypeScript in the documents', () => {
  it('compiles as it stands, under strict', () => {
    expect(typeCheck(programs)).toEqual([]);
  });

  it.each(programs)('does what it says: $name', async (program) => {
    await run(program);
  });
});

describe.each(documents)('$path', (document) => {
  it('has no dead links', () => {
    expect(linksOf(document).filter((link) => !isAlive(link, document))).toEqual([]);
  });

  it('names npm scripts that exist', () => {
    const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: object };
    expect(scriptsOf(document).filter((name) => !(name in manifest.scripts))).toEqual([]);
  });
});

/** The compiler's complaints, each with its place in the document. */
function typeCheck(all: readonly Program[]): string[] {
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(join(ROOT, 'tsconfig.json'), (path) => ts.sys.readFile(path)).config,
    ts.sys,
    ROOT,
  );
  // A reader's compiler is strict, and no stricter.
  options.exactOptionalPropertyTypes = options.noPropertyAccessFromIndexSignature = false;
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
async function run(program: Program): Promise<void> {
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
    env: { ...process.env, PORT: '0' },
  });
  running.child.stdin?.end(outputFiles[0]?.text);
  await running;
}

/** Where the compiler is told that the program lies: beside its document, so that relative imports mean the same. */
function fileOf({ name }: Program): string {
  return join(ROOT, `${name.replace(':', '.line-')}.ts`);
}

function isAlive(link: string, from: MarkdownDocument): boolean {
  if (link.startsWith('https://')) return true;
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? from.path : join(dirname(from.path), path);
  if (!existsSync(join(ROOT, target))) return false;
  return anchor === undefined || anchorsOf(read(target)).has(anchor);
}

function read(path: string): MarkdownDocument {
  return { path, text: readFileSync(join(ROOT, path), 'utf8') };
}
