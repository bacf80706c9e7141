import { execFile } from 'node:child_process';
import { cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';

const ROOT = resolve(__dirname, '../..');
/** What the package is made from: whatever else lies in the work tree cannot find its way into the tarball. */
const SOURCES = [
  'package.json',
  'README.md',
  'CHANGELOG.md',
  'LICENSE',
  'SECURITY.md',
  'docs',
  'tsconfig.json',
  'lib',
  'scripts',
];

export interface Tarball {
  readonly path: string;
  readonly files: readonly string[];
}

/** Builds and packs the package in a copy of its own, so that `dist/` can serve others meanwhile. */
export async function pack(dir: string): Promise<Tarball> {
  const copy = join(dir, 'source');
  await mkdir(copy, { recursive: true });
  await Promise.all(SOURCES.map((name) => cp(join(ROOT, name), join(copy, name), { recursive: true })));
  await symlink(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  const printed = await npm(copy, 'pack', '--json', '--pack-destination', dir);
  const [{ filename, files }] = JSON.parse(printed.slice(printed.indexOf('[\n'))) as [
    { filename: string; files: { path: string }[] },
  ];
  return { path: join(dir, filename), files: files.map(({ path }) => path) };
}

/** A project that has nothing but the package installed, and packages of this work tree linked in. */
export async function project(dir: string, tarball: Tarball, linked: readonly string[]): Promise<void> {
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, 'package.json'), JSON.stringify({ private: true }));
  await npm(dir, 'install', '--prefer-offline', '--no-audit', '--no-fund', tarball.path);
  for (const name of linked) {
    const link = join(dir, 'node_modules', name);
    await mkdir(dirname(link), { recursive: true });
    await symlink(join(ROOT, 'node_modules', name), link);
  }
}

/** Runs a command line tool of the development dependencies, named by its package and its file there. */
export function tool(cwd: string, name: string, file: string, ...args: string[]): Promise<string> {
  return run(cwd, process.execPath, [join(ROOT, 'node_modules', name, file), ...args]);
}

export function node(cwd: string, ...args: string[]): Promise<string> {
  return run(cwd, process.execPath, args);
}

function npm(cwd: string, ...args: string[]): Promise<string> {
  return run(cwd, 'npm', args);
}

/** Standard output; a failure tells all that was printed. */
async function run(cwd: string, command: string, args: readonly string[]): Promise<string> {
  // Jest's own environment would make tools of another process believe that they are under test.
  const env = { ...process.env, NODE_ENV: undefined };
  try {
    return (await promisify(execFile)(command, args, { cwd, env, maxBuffer: 2 ** 24 })).stdout;
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`${command} ${args.join(' ')}\n${stdout}\n${stderr}`, { cause: error });
  }
}
